import asyncio
import contextlib
from itertools import pairwise

import pytest
import uvloop
from apim_sdk import Fault, Headers, Request
from apim_sdk.body import Body, BodyError, BodyTooLarge
from apim_sdk.errors import (
    CONTENT_TOO_LARGE,
    ENDPOINT_BUSY,
    ENDPOINT_CONNECTION_CLOSED,
    ENDPOINT_CONNECTION_FAILED,
    ENDPOINT_RECEIVE_FAILED,
    ENDPOINT_TIMEOUT,
    INCOMPLETE_PAYLOAD,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.backend import always, backend, pool_of, sends

from apim_core.http.deadlines import Sweeper
from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_settings import Origin, UpstreamSettings

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
QUICK = UpstreamSettings(first_byte_timeout=0.05, idle_timeout=0.05)
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(params=LOOPS)
def run(request):
    def run_on_loop(coroutine):
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(coroutine, 20))

    return run_on_loop


def get(path="/", **headers):
    return Request("GET", path, headers=Headers([("Host", "api.example"), *headers.items()]), host="api.example")


async def exchange(script, request, *, timeouts=None, **settings):
    """Send one request to a backend that follows a script; the answer with its body read."""
    async with backend(script) as served, pool_of(served, **settings) as pool:
        response = await pool.send(request, request.path, **(timeouts or {}))
        await response.body.read()
        return response


async def fault_of(script, request, *, timeouts=None, **settings):
    with pytest.raises(Fault) as caught:
        await exchange(script, request, timeouts=timeouts, **settings)
    return caught.value.kind


def test_an_answer_that_comes_in_one_piece_is_whole(run):
    async def main():
        async with backend(always(HELLO)) as served, pool_of(served) as pool:
            response = await pool.send(get(), "/")
            assert (200, b"hello") == (response.status, response.body.data)

    run(main())


def test_an_answer_that_comes_in_pieces_streams(run):
    async def main():
        more = asyncio.Event()

        async def script(conversation):
            await conversation.request()
            await conversation.say(HELLO[:-3])
            await more.wait()
            await conversation.say(HELLO[-3:])

        async with backend(script) as served, pool_of(served) as pool:
            response = await pool.send(get(), "/")
            assert (None, 5) == (response.body.data, response.body.length)
            more.set()
            assert [b"he", b"llo"] == [chunk async for chunk in response.body]

    run(main())


def test_the_backend_sees_the_request(run):
    async def main():
        received = []

        async def script(conversation):
            received.append(await conversation.request())
            await conversation.say(HELLO)

        request = Request("POST", "/a", headers=Headers([("Host", "x"), ("X-A", "1")]), body=Body(b"content"))
        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(request, "/a?b=c")
            port = served.port
        (request,) = received
        assert b"POST /a?b=c HTTP/1.1" == request.line
        assert (b"127.0.0.1:%d" % port, b"1", b"content") == (request.value("Host"), request.value("X-A"), request.body)

    run(main())


def test_a_connection_serves_one_exchange_after_the_other(run):
    async def main():
        async with backend(always(HELLO)) as served, pool_of(served) as pool:
            for _ in range(5):
                await pool.send(get(), "/")
            assert 1 == len(served.conversations)

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_connection_that_the_backend_will_close_is_not_used_again(run, answer):
    async def main():
        async with backend(always(answer)) as served, pool_of(served) as pool:
            for _ in range(3):
                assert b"hello" == (await pool.send(get(), "/")).body.data
            assert 3 == len(served.conversations)

    run(main())


def test_an_answer_that_lasts_until_the_connection_closes_is_whole_then(run):
    response = run(exchange(sends(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"), get()))

    assert b"hello" == response.body.data


def test_trailers_are_apart(run):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n"
    response = run(exchange(sends(answer), get()))

    assert "X-Sum" not in response.headers
    assert [("X-Sum", "7")] == list(response.trailers.items())


def test_an_answer_to_head_has_no_content_and_the_connection_is_kept(run):
    async def main():
        async with backend(always(HELLO[:-5])) as served, pool_of(served) as pool:
            for _ in range(3):
                response = await pool.send(Request("HEAD", "/"), "/")
                assert (b"", "5") == (response.body.data, response.headers["content-length"])
            assert 1 == len(served.conversations)

    run(main())


def test_interim_answers_are_told_as_they_come(run):
    interim = []
    script = sends(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", HELLO)

    async def main():
        async with backend(script) as served, pool_of(served) as pool:
            tell = lambda status, headers: interim.append((status, headers["link"]))  # noqa: E731  # fits the line
            assert 200 == (await pool.send(get(), "/", informational=tell)).status

    run(main())
    assert [(103, "</a>")] == interim


def test_a_streamed_request_goes_in_chunks_and_one_with_a_length_does_not(run):
    async def chunks():
        for _ in range(50):
            yield b"x" * 10_000

    async def main():
        received = []

        async def script(conversation):
            while True:
                received.append(await conversation.request())
                await conversation.say(HELLO)

        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(Request("POST", "/", body=Body.stream(chunks())), "/")
            await pool.send(Request("POST", "/", body=Body.stream(chunks(), 500_000)), "/")
            assert 1 == len(served.conversations)
        assert [500_000, 500_000] == [len(request.body) for request in received]
        assert [b"chunked", None] == [request.value("Transfer-Encoding") for request in received]
        assert [None, b"500000"] == [request.value("Content-Length") for request in received]

    run(main())


def test_a_large_whole_body_arrives(run):
    content = bytes(range(256)) * 8192

    async def script(conversation):
        assert content == (await conversation.request()).body
        await conversation.say(HELLO)

    assert 200 == run(exchange(script, Request("PUT", "/", body=Body(content)))).status


def test_both_directions_stream_at_once(run):
    async def main():
        async def chunks():
            yield b"one"
            await echoed.wait()
            yield b"two"

        echoed = asyncio.Event()

        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n3\r\none\r\n")
            await conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            await conversation.reader.readuntil(b"3\r\ntwo\r\n0\r\n\r\n")
            await conversation.say(b"3\r\ntwo\r\n0\r\n\r\n")
            await conversation.closed()

        async with backend(script) as served, pool_of(served) as pool:
            response = await pool.send(Request("POST", "/", body=Body.stream(chunks())), "/")
            received = []
            async for chunk in response.body:
                received.append(chunk)
                echoed.set()
            assert b"onetwo" == b"".join(received)

    run(main())


def test_an_early_answer_ends_the_upload_and_the_connection(run):
    async def main():
        closed = asyncio.Event()

        async def chunks():
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            await conversation.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
            await conversation.closed()

        async with backend(script) as served, pool_of(served) as pool:
            response = await pool.send(Request("POST", "/", body=Body.stream(chunks())), "/")
            assert 413 == response.status
            await closed.wait()

    run(main())


@pytest.mark.parametrize(
    ("length", "kind"), [(10_000, INCOMPLETE_PAYLOAD), (100, INCOMPLETE_PAYLOAD), (None, INCOMPLETE_PAYLOAD)]
)
def test_a_request_body_that_breaks_closes_the_connection_unfinished(run, length, kind):
    async def chunks():
        yield b"x" * 1000
        if length is None:
            raise BodyError("the client went away")

    async def main():
        rest = []

        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            rest.append(await conversation.closed())

        async with backend(script) as served:
            async with pool_of(served) as pool:
                with pytest.raises(Fault) as caught:
                    await pool.send(Request("POST", "/", body=Body.stream(chunks(), length)), "/")
                assert kind == caught.value.kind
            while not rest:
                await asyncio.sleep(0)
        assert not rest[0].endswith(b"0\r\n\r\n")
        assert length is None or len(rest[0]) < length or rest[0] == b""

    run(main())


def test_whatever_else_a_request_body_raises_comes_out_as_it_is(run):
    async def chunks():
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(exchange(sends(HELLO), Request("POST", "/", body=Body.stream(chunks()))))


def test_a_request_body_past_its_limit_is_too_large(run):
    async def chunks():
        yield b"x"
        raise BodyTooLarge(1)

    assert CONTENT_TOO_LARGE == run(fault_of(sends(HELLO), Request("POST", "/", body=Body.stream(chunks()))))


def test_a_stale_connection_is_replaced_once_without_the_client_noticing(run):
    async def main():
        async def script(conversation):
            await conversation.request()
            await conversation.say(HELLO)
            if conversation.number == 0:
                await conversation.request()
                conversation.reset()
            else:
                await conversation.closed()

        async with backend(script) as served, pool_of(served) as pool:
            for _ in range(2):
                assert b"hello" == (await pool.send(get(), "/")).body.data
            assert (2, 1) == (len(served.conversations), pool.counts.retried)

    run(main())


def test_a_large_body_is_sent_again_over_a_new_connection(run):
    content = bytes(range(256)) * 8192

    async def main():
        async def script(conversation):
            if conversation.number == 0:
                await conversation.request()
                await conversation.say(HELLO)
                await conversation.reader.readuntil(b"\r\n\r\n")
                conversation.reset()
            else:
                assert content == (await conversation.request()).body
                await conversation.say(HELLO)
                await conversation.closed()

        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(get(), "/")
            assert 200 == (await pool.send(Request("PUT", "/", body=Body(content)), "/")).status
            assert (2, 1) == (len(served.conversations), pool.counts.retried)

    run(main())


def test_a_large_body_that_the_backend_leaves_unread_ends_the_connection(run):
    async def main():
        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            await conversation.say(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
            await conversation.closed()

        async with backend(script) as served, pool_of(served) as pool:
            response = await pool.send(Request("PUT", "/", body=Body(b"x" * 30_000_000)), "/")
            assert 413 == response.status
            while pool.counts.open:
                await asyncio.sleep(0)

    run(main())


def test_an_upload_that_moves_keeps_the_answer_waiting(run):
    async def main():
        async def chunks():
            for _ in range(20):
                yield b"x"
                await asyncio.sleep(0.05)

        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            await conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            await conversation.reader.readuntil(b"\r\n0\r\n\r\n")
            await conversation.say(b"0\r\n\r\n")
            await conversation.closed()

        async with backend(script) as served, pool_of(served, idle_timeout=0.5) as pool:
            response = await pool.send(Request("POST", "/", body=Body.stream(chunks())), "/")
            assert b"x" == await response.body.read()

    run(main())


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_not_be_done_twice_is_not_sent_again(run, method):
    async def main():
        async def script(conversation):
            await conversation.request()
            await conversation.say(HELLO)
            await conversation.request()
            conversation.reset()

        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(get(), "/")
            with pytest.raises(Fault) as caught:
                await pool.send(Request(method, "/", body=Body(b"x")), "/")
            assert ENDPOINT_CONNECTION_CLOSED == caught.value.kind
            assert 1 == len(served.conversations)

    run(main())


def test_a_new_connection_that_closes_without_an_answer_is_not_tried_again(run):
    async def main():
        async def script(conversation):
            await conversation.request()

        async with backend(script) as served, pool_of(served) as pool:
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/")
            assert ENDPOINT_CONNECTION_CLOSED == caught.value.kind
            assert 1 == len(served.conversations)

    run(main())


def test_an_answer_that_had_begun_is_never_asked_for_again(run):
    async def main():
        async def script(conversation):
            await conversation.request()
            await conversation.say(HELLO)
            await conversation.request()
            await conversation.say(b"HTTP/1.1 200")

        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(get(), "/")
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/")
            assert ENDPOINT_RECEIVE_FAILED == caught.value.kind
            assert 1 == len(served.conversations)

    run(main())


def test_a_backend_that_is_not_there_is_a_failed_connection(run):
    async def main():
        async with backend(sends()) as served:
            pass
        pool = UpstreamPool(served.origin)
        with pytest.raises(Fault) as caught:
            await pool.send(get(), "/")
        await pool.stop()
        assert ENDPOINT_CONNECTION_FAILED == caught.value.kind
        assert (0, 1) == (pool.counts.open, pool.counts.connect_failures)

    run(main())


async def silence(conversation):
    await conversation.request()
    await conversation.closed()


async def half_a_body(conversation):
    await conversation.request()
    await conversation.say(HELLO[:-2])
    await conversation.closed()


@pytest.mark.parametrize("timeouts", [{"first_byte_timeout": 0.05}, {"total_timeout": 0.05}])
def test_a_backend_that_does_not_answer_runs_into_the_time_out(run, timeouts):
    assert ENDPOINT_TIMEOUT == run(fault_of(silence, get(), timeouts=timeouts))


def test_time_outs_of_the_settings_are_the_default(run):
    assert ENDPOINT_TIMEOUT == run(fault_of(silence, get(), first_byte_timeout=0.05))


@pytest.mark.parametrize("settings", [{"idle_timeout": 0.05}, {"total_timeout": 0.05}])
def test_a_body_that_stops_breaks(run, settings):
    with pytest.raises(BodyError, match="rest of its answer in time"):
        run(exchange(half_a_body, get(), **settings))


def test_a_slow_backend_is_let_be_while_it_moves(run):
    async def script(conversation):
        await conversation.request()
        for place in range(len(HELLO)):
            await conversation.say(HELLO[place : place + 1])
            await asyncio.sleep(0.01)

    assert b"hello" == run(exchange(script, get(), idle_timeout=0.3, first_byte_timeout=5)).body.data


def test_a_cancelled_exchange_closes_its_connection(run):
    async def main():
        async with backend(silence) as served, pool_of(served) as pool:
            sending = asyncio.create_task(pool.send(get(), "/"))
            while not served.conversations:
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            sending.cancel()
            await asyncio.wait((sending,))
            assert sending.cancelled()
            while pool.counts.open:
                await asyncio.sleep(0)

    run(main())


def test_a_body_that_nobody_wants_closes_its_connection(run):
    async def main():
        async with backend(half_a_body) as served, pool_of(served) as pool:
            response = await pool.send(get(), "/")
            response.body.close()
            while pool.counts.open:
                await asyncio.sleep(0)

    run(main())


def test_a_change_of_protocol_gives_a_tunnel(run):
    async def main():
        async def script(conversation):
            request = await conversation.request()
            assert (b"Upgrade", b"websocket") == (request.value("Connection"), request.value("Upgrade"))
            await conversation.say(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\nfirst"
            )
            assert b"question" == await conversation.reader.readexactly(8)
            await conversation.say(b"answer")
            assert b"bye" == await conversation.closed()

        request = get(Connection="Upgrade", Upgrade="websocket")
        async with backend(script) as served, pool_of(served) as pool:
            response = await pool.send(request, "/chat")
            assert (101, "1") == (response.status, response.headers["x-a"])
            assert b"first" == await response.tunnel.read()
            await response.tunnel.write(b"question")
            assert b"answer" == await response.tunnel.read()
            await response.tunnel.write(b"bye")
            response.tunnel.close()
            assert b"" == await response.tunnel.read()
            while pool.counts.open:
                await asyncio.sleep(0)

    run(main())


def test_a_refused_change_of_protocol_is_an_answer_like_others(run):
    async def main():
        async with backend(always(HELLO)) as served, pool_of(served) as pool:
            for _ in range(2):
                response = await pool.send(get(Connection="Upgrade", Upgrade="websocket"), "/chat")
                assert (200, None, b"hello") == (response.status, response.tunnel, response.body.data)
            assert 1 == len(served.conversations)

    run(main())


def test_a_body_larger_than_memory_should_hold_waits_for_its_reader(run):
    async def main():
        sent = 0

        async def script(conversation):
            nonlocal sent
            await conversation.request()
            await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
            for _ in range(500):
                await conversation.say(b"x" * 100_000)
                sent += 100_000

        async with backend(script) as served, pool_of(served, high_water=100_000) as pool:
            response = await pool.send(get(), "/")
            while not pool.counts.paused:
                await asyncio.sleep(0)
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.05)
            assert before < 50_000_000
            assert 50_000_000 == sum([len(chunk) async for chunk in response.body])

    run(main())


def test_an_upload_waits_for_the_backend(run):
    async def main():
        taken = 0
        reading = asyncio.Event()

        async def chunks():
            nonlocal taken
            for _ in range(500):
                yield b"x" * 100_000
                taken += 100_000

        async def script(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            await reading.wait()
            await conversation.reader.readexactly(50_000_000)
            await conversation.say(HELLO)

        async with backend(script) as served, pool_of(served, high_water=100_000) as pool:
            sending = asyncio.create_task(pool.send(Request("PUT", "/", body=Body.stream(chunks(), 50_000_000)), "/"))
            before = -1
            while before != taken:
                before = taken
                await asyncio.sleep(0.05)
            assert before < 50_000_000
            reading.set()
            assert b"hello" == (await sending).body.data

    run(main())


def test_an_upload_that_the_backend_does_not_take_runs_into_the_time_out(run):
    async def chunks():
        while True:
            yield b"x" * 100_000

    async def script(conversation):
        await conversation.reader.readuntil(b"\r\n\r\n")
        conversation.writer.transport.pause_reading()
        await asyncio.Event().wait()

    request = Request("PUT", "/", body=Body.stream(chunks()))
    assert ENDPOINT_TIMEOUT == run(fault_of(script, request, idle_timeout=0.1))


def test_a_stopped_pool_refuses(run):
    async def main():
        async with backend(always(HELLO)) as served:
            pool = UpstreamPool(served.origin)
            await pool.send(get(), "/")
            await pool.stop()
            assert 0 == pool.counts.open
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/")
            assert ENDPOINT_BUSY == caught.value.kind

    run(main())


def test_stopping_ends_exchanges_that_are_under_way(run):
    async def main():
        async with backend(silence) as served:
            pool = UpstreamPool(served.origin)
            sending = asyncio.create_task(pool.send(get(), "/"))
            while not served.conversations:
                await asyncio.sleep(0)
            await pool.stop()
            with pytest.raises(Fault):
                await sending
            assert 0 == pool.counts.open

    run(main())


def test_a_pool_is_made_without_a_loop():
    pool = UpstreamPool(Origin("https", "backend.example", 443), UpstreamSettings())

    assert 0 == pool.counts.open


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "counted": HELLO,
    "chunked": CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX: y\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "after interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HELLO,
}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(1, 120), max_size=6))
def test_an_answer_is_the_same_however_the_network_cuts_it(name, places):
    answer = ANSWERS[name]
    marks = [0, *sorted(place % len(answer) for place in places), len(answer)]
    script = sends(*(answer[start:end] for start, end in pairwise(marks) if start != end))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        response = runner.run(asyncio.wait_for(exchange(script, get()), 20))

    assert (200, b"hello") == (response.status, response.body.data)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([b"", b"HTTP/1.1 ", HELLO[:17], CHUNKED]),
    st.lists(st.binary(min_size=1, max_size=50), max_size=4),
    st.sampled_from(["close", "reset", "wait"]),
)
def test_random_bytes_neither_hang_nor_crash(prefix, pieces, end):
    async def main():
        script = sends(*filter(None, [prefix, *pieces]), then=end)
        async with backend(script) as served:
            pool = UpstreamPool(served.origin, QUICK, sweeper=Sweeper(0.01))
            with contextlib.suppress(Fault, BodyError):
                await (await pool.send(get(), "/")).body.read()
            await pool.stop()
            assert 0 == pool.counts.open

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(main(), 20))
