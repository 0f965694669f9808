import asyncio
import contextlib
from itertools import pairwise

import pytest
from apim_sdk import Fault, Headers
from apim_sdk.body import BodyError
from apim_sdk.errors import (
    ENDPOINT_CONNECTION_CLOSED,
    ENDPOINT_PROTOCOL_VIOLATION,
    ENDPOINT_RECEIVE_FAILED,
    ENDPOINT_SEND_FAILED,
    ENDPOINT_TIMEOUT,
)
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.upstream_connection import Unanswered, UpstreamConnection
from apim_core.http.upstream_counts import UpstreamCounts
from apim_core.http.upstream_fields import FieldKinds
from apim_core.http.upstream_plain import PlainAnswers
from apim_core.http.upstream_sending import BODY, CLOSED, HEAD, IDLE, NEVER, TUNNEL
from apim_core.http.upstream_settings import UpstreamSettings

HELLO = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello"


class Owner:
    """Stands where the pool stands, and writes down what it is told."""

    def __init__(self, settings):
        self.kinds = FieldKinds()
        self.plain = PlainAnswers(self.kinds, settings.max_headers, settings.max_head)
        self.counts = UpstreamCounts()
        self.told = []

    def released(self, connection):
        self.told.append("released")

    def closing(self, connection):
        self.told.append("closing")

    def lost(self, connection):
        self.told.append("lost")


class Wire(asyncio.Transport):
    """A transport without a network."""

    def __init__(self):
        super().__init__()
        self.sent = b""
        self.limit = None
        self.closed = None
        self.reading = True

    def write(self, data):
        self.sent += data

    def set_write_buffer_limits(self, high=None, low=None):
        self.limit = high

    def get_extra_info(self, name, default=None):
        return {"peername": ("192.0.2.1", 80)}.get(name, default)

    def abort(self):
        self.closed = self.closed or "aborted"

    def close(self):
        self.closed = self.closed or "closed"

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Bench:
    """A connection with everything around it."""

    def __init__(self, **settings):
        given = UpstreamSettings(**settings)
        self.owner = Owner(given)
        self.wire = Wire()
        self.connection = UpstreamConnection(asyncio.get_running_loop(), self.owner, given)
        self.connection.connection_made(self.wire)

    def feed(self, *pieces):
        for piece in pieces:
            if self.connection.state != CLOSED:
                self.connection.data_received(piece)


def on_bench(**settings):
    """Makes a test out of a coroutine that takes a bench."""

    def decorate(test):
        def bench_test():
            async def main():
                await test(Bench(**settings))

            asyncio.run(main())

        bench_test.__name__ = test.__name__
        return bench_test

    return decorate


@on_bench()
async def test_an_exchange_goes_out_and_its_answer_comes_back(bench):
    answer = bench.connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
    assert (HEAD, b"GET / HTTP/1.1\r\n\r\n") == (bench.connection.state, bench.wire.sent)

    bench.feed(HELLO)

    assert (IDLE, ["released"]) == (bench.connection.state, bench.owner.told)
    assert (200, b"hello", "1") == (answer.result().status, answer.result().body.data, answer.result().headers["x-a"])


@on_bench()
async def test_a_second_exchange_at_once_is_an_error_of_the_caller(bench):
    bench.connection.exchange(b"GET / HTTP/1.1\r\n\r\n")

    with pytest.raises(RuntimeError, match="one exchange at a time"):
        bench.connection.exchange(b"GET / HTTP/1.1\r\n\r\n")


@on_bench()
async def test_the_next_exchange_does_not_touch_the_answer_before(bench):
    first = bench.connection.exchange(b"")
    bench.feed(HELLO)
    second = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 404 Not Found\r\nX-A: 2\r\nX-B: 3\r\nContent-Length: 3\r\n\r\nbye")

    assert (200, b"hello", "1") == (first.result().status, first.result().body.data, first.result().headers["x-a"])
    assert (404, b"bye", "2") == (second.result().status, second.result().body.data, second.result().headers["x-a"])


@on_bench()
async def test_the_next_exchange_does_not_touch_a_stream_that_is_still_being_read(bench):
    first = bench.connection.exchange(b"")
    bench.feed(HELLO[:-2], HELLO[-2:])
    bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsec", b"ond")

    assert b"hello" == await first.result().body.read()


@on_bench()
async def test_bytes_without_a_request_close_an_idle_connection(bench):
    bench.feed(HELLO)

    assert (CLOSED, "aborted", 1) == (bench.connection.state, bench.wire.closed, bench.owner.counts.violations)
    assert ["closing"] == bench.owner.told


@on_bench()
async def test_an_idle_connection_that_the_backend_closes_is_taken_back_at_once(bench):
    bench.connection.eof_received()

    assert (CLOSED, ["closing"]) == (bench.connection.state, bench.owner.told)


@on_bench()
async def test_the_end_without_an_answer_is_told_apart(bench):
    answer = bench.connection.exchange(b"")
    bench.connection.connection_lost(None)

    assert isinstance(answer.exception(), Unanswered)
    assert ENDPOINT_CONNECTION_CLOSED == answer.exception().kind
    assert ["lost"] == bench.owner.told


@on_bench()
async def test_the_end_in_a_head_is_a_failure_to_receive(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 2")
    bench.connection.connection_lost(ConnectionResetError("reset"))

    assert ENDPOINT_RECEIVE_FAILED == answer.exception().kind
    assert not isinstance(answer.exception(), Unanswered)


@on_bench()
async def test_the_end_in_a_request_is_a_failure_to_send(bench):
    bench.connection.sending = True
    answer = bench.connection.exchange(b"")
    bench.connection.connection_lost(BrokenPipeError("broken"))

    assert ENDPOINT_SEND_FAILED == answer.exception().kind


@pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
def test_the_end_in_a_body_breaks_it(framing):
    async def main():
        bench = Bench()
        answer = bench.connection.exchange(b"")
        bench.feed(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n4\r\nabc")
        bench.connection.eof_received()
        with pytest.raises(BodyError):
            await answer.result().body.read()

    asyncio.run(main())


@pytest.mark.parametrize("end", [None, ConnectionResetError("reset")])
def test_a_body_that_lasts_until_the_end_is_whole_only_if_the_end_is_no_accident(end):
    async def main():
        bench = Bench()
        answer = bench.connection.exchange(b"")
        bench.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
        bench.connection.connection_lost(end)
        if end is None:
            assert b"abc" == answer.result().body.data
        else:
            with pytest.raises(BodyError):
                answer.result().body.data

    asyncio.run(main())


@on_bench()
async def test_what_arrived_before_a_break_is_still_given_to_who_reads_on(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(HELLO[:-3])
    chunks = aiter(answer.result().body)
    assert b"he" == await anext(chunks)
    bench.feed(b"l")
    bench.connection.connection_lost(ConnectionResetError("reset"))

    assert b"l" == await anext(chunks)
    with pytest.raises(BodyError):
        await anext(chunks)


@on_bench(max_head=1000)
async def test_a_head_past_its_limit_is_refused_before_it_ends(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 1000)

    assert ENDPOINT_PROTOCOL_VIOLATION == answer.exception().kind


@on_bench(max_head=1000)
async def test_a_head_past_its_limit_is_refused_in_one_piece_too(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 1000 + b"\r\nContent-Length: 0\r\n\r\n")

    assert ENDPOINT_PROTOCOL_VIOLATION == answer.exception().kind


@on_bench(max_head=1000)
async def test_content_does_not_count_as_head(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)

    assert 5000 == len(answer.result().body.data)


@on_bench(max_head=1000)
async def test_framing_without_content_is_bounded(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    for _ in range(1000):
        bench.feed(b"1;" + b"e" * 50)
        if bench.connection.state == CLOSED:
            break
        bench.feed(b"e" * 50)

    with pytest.raises(BodyError):
        await answer.result().body.read()
    assert 1 == bench.owner.counts.violations


@on_bench(max_head=1000)
async def test_trailers_are_bounded(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    for _ in range(30):
        bench.feed(b"X-T: " + b"t" * 50 + b"\r\n")

    with pytest.raises(BodyError):
        await answer.result().body.read()


@on_bench(high_water=1000)
async def test_reading_pauses_while_too_much_is_held(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 900)
    assert bench.wire.reading
    bench.feed(b"x" * 900)
    assert not bench.wire.reading

    chunks = aiter(answer.result().body)
    assert 1800 == len(await anext(chunks))
    assert bench.wire.reading
    await chunks.aclose()


@on_bench(first_byte_timeout=5)
async def test_no_answer_in_time_is_a_time_out(bench):
    answer = bench.connection.exchange(b"", 5.0)
    assert bench.connection.deadline < NEVER
    bench.connection.expire()

    assert (ENDPOINT_TIMEOUT, "aborted") == (answer.exception().kind, bench.wire.closed)
    assert 1 == bench.owner.counts.expired


@on_bench()
async def test_an_idle_connection_expires_quietly(bench):
    bench.connection.expire()

    assert (CLOSED, "closed", 0) == (bench.connection.state, bench.wire.closed, bench.owner.counts.expired)


@on_bench(keep_alive=30)
async def test_a_connection_rests_no_longer_than_the_backend_keeps_it(bench):
    now = asyncio.get_running_loop().time()
    bench.connection.exchange(b"")
    bench.feed(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n")

    assert 3 < bench.connection.deadline - now <= 5


@on_bench()
async def test_an_answer_whose_waiter_has_gone_is_dropped_and_the_connection_kept(bench):
    answer = bench.connection.exchange(b"")
    answer.cancel()
    bench.feed(HELLO)

    assert (IDLE, ["released"]) == (bench.connection.state, bench.owner.told)


@on_bench()
async def test_a_stream_whose_waiter_has_gone_closes_the_connection(bench):
    answer = bench.connection.exchange(b"")
    answer.cancel()
    bench.feed(HELLO[:-1])

    assert CLOSED == bench.connection.state


@on_bench()
async def test_giving_up_an_old_answer_leaves_the_next_exchange_alone(bench):
    first = bench.connection.exchange(b"")
    bench.feed(HELLO)
    second = bench.connection.exchange(b"")
    bench.connection.give_up(first)
    bench.feed(HELLO)

    assert b"hello" == second.result().body.data


@on_bench()
async def test_giving_up_an_answer_that_streams_closes_the_connection(bench):
    answer = bench.connection.exchange(b"")
    bench.feed(HELLO[:-1])
    assert BODY == bench.connection.state
    bench.connection.give_up(answer)

    assert CLOSED == bench.connection.state


@on_bench()
async def test_what_goes_wrong_where_interim_answers_are_told_ends_the_exchange_as_it_is(bench):
    def tell(status, headers):
        raise ConnectionResetError("the client has gone")

    answer = bench.connection.exchange(b"", informational=tell)
    bench.feed(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")

    assert "the client has gone" == str(answer.exception())
    assert (CLOSED, 0) == (bench.connection.state, bench.owner.counts.violations)


@on_bench(tunnel_timeout=100)
async def test_a_tunnel_ends_with_the_connection(bench):
    answer = bench.connection.exchange(b"", upgrade=True)
    bench.feed(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\none", b"two")
    assert TUNNEL == bench.connection.state
    tunnel = answer.result().tunnel
    assert b"onetwo" == await tunnel.read()

    bench.connection.connection_lost(ConnectionResetError("reset"))
    assert b"" == await tunnel.read()
    with pytest.raises(ConnectionResetError):
        await tunnel.write(b"late")


@on_bench(high_water=1000)
async def test_a_tunnel_that_nobody_reads_pauses(bench):
    answer = bench.connection.exchange(b"", upgrade=True)
    bench.feed(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"x" * 2000)
    assert not bench.wire.reading

    assert 2000 == len(await answer.result().tunnel.read())
    assert bench.wire.reading


ANSWERS = {
    "counted": (HELLO, b"hello"),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
        b"hello world",
    ),
    "until close": (b"HTTP/1.1 200 Fine\r\nX-A: 1\r\n\r\nhello world", b"hello world"),
    "bodiless": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n", b""),
    "after interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HELLO, b"hello"),
}


async def received(pieces):
    """What comes out for an answer in pieces: status, phrase, fields, content, trailers."""
    bench = Bench()
    answer = bench.connection.exchange(b"")
    bench.feed(*pieces)
    if bench.connection.state == BODY:
        bench.connection.eof_received()
    response = answer.result()
    content = await response.body.read()
    trailers = None if response.trailers is None else list(response.trailers.raw())
    return response.status, response.reason, list(response.headers.raw()), content, trailers


def split(data, places):
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(marks) if a != b]


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 200), max_size=12))
def test_an_answer_is_the_same_however_it_was_split(name, places):
    answer, content = ANSWERS[name]

    whole = asyncio.run(received([answer]))
    assert content == whole[3]
    assert whole == asyncio.run(received(split(answer, places)))


@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_random_bytes_end_an_exchange_or_leave_it_waiting(pieces, begun):
    async def main():
        bench = Bench()
        answer = bench.connection.exchange(b"")
        if begun:
            bench.feed(b"HTTP/1.1 200 OK\r\n")
        bench.feed(*pieces)
        bench.connection.expire()
        if bench.connection.state != IDLE:
            bench.connection.connection_lost(None)
        assert answer.done()
        with contextlib.suppress(Fault, BodyError):
            await answer.result().body.read()

    asyncio.run(main())


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_a_valid_answer_that_is_damaged_never_hangs(name, data):
    answer = bytearray(ANSWERS[name][0])
    for place in data.draw(st.lists(st.integers(0, len(answer) - 1), min_size=1, max_size=3)):
        answer[place] = data.draw(st.integers(0, 255))

    async def main():
        bench = Bench()
        waiting = bench.connection.exchange(b"")
        bench.feed(*split(bytes(answer), data.draw(st.lists(st.integers(0, 200), max_size=4))))
        bench.connection.connection_lost(None)
        assert waiting.done()
        with contextlib.suppress(Fault, BodyError):
            await waiting.result().body.read()

    asyncio.run(main())


@given(st.sampled_from(["counted", "chunked"]), st.integers(1, 200))
def test_an_answer_that_is_cut_short_never_looks_whole(name, missing):
    answer, _ = ANSWERS[name]
    cut = answer[: -1 - missing % (len(answer) - 1)]

    async def main():
        bench = Bench()
        waiting = bench.connection.exchange(b"")
        bench.feed(cut)
        bench.connection.eof_received()
        with pytest.raises((Fault, BodyError)):
            await waiting.result().body.read()

    asyncio.run(main())


def test_fields_come_out_in_order_and_case():
    answer = b"HTTP/1.1 200 OK\r\nb: 1\r\nA: 2\r\nB: 3\r\nContent-Length: 0\r\n\r\n"
    fields = asyncio.run(received([answer]))[2]

    assert [(b"b", b"1"), (b"A", b"2"), (b"B", b"3"), (b"Content-Length", b"0")] == fields
    assert ("1", "3") == Headers.from_raw(fields).get_all("b")
