import asyncio

import attrs
import pytest
from apim_sdk import Headers, Response
from apim_sdk.body import Body, BodyError, BodyTooLarge
from support.wire import MemoryTransport, drive, in_memory, read_all, read_answer, serving

from apim_core.http.connection import Connection
from apim_core.http.settings import LimitSettings, ServerSettings, TimeoutSettings
from apim_core.http.stream import ClientGone

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def settings(timeouts=None, **limits):
    return ServerSettings(limits=LimitSettings(**limits), timeouts=TimeoutSettings(**timeouts or {}), name="test")


def get(path, *fields):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{''.join(field + chr(13) + chr(10) for field in fields)}\r\n".encode()


async def answer(stream):
    await stream.respond(Response(200, None, stream.request.path.encode()))


# Requests on one connection


@pytest.mark.parametrize("loop", [None, asyncio.new_event_loop])
def test_a_connection_serves_one_request_after_the_other(loop):
    with serving(loop_factory=loop) as served, served.connect() as client:
        for path in ("/one", "/two", "/three"):
            client.sendall(get(path))
            assert read_answer(client)[0] == 200
    assert [seen.path for seen in served.seen] == ["/one", "/two", "/three"]


def test_pipelined_requests_are_answered_in_order_however_long_each_takes():
    async def handler(stream):
        for _ in range(20 if stream.request.path == "/1" else 0):
            await asyncio.sleep(0)
        await answer(stream)

    with serving(handler) as served, served.connect() as client:
        client.sendall(b"".join(get(f"/{number}") for number in range(1, 6)))
        assert [read_answer(client)[2] for _ in range(5)] == [b"/1", b"/2", b"/3", b"/4", b"/5"]


def at_once(stream):
    """A handler that waits for nothing."""
    assert stream.respond_at_once(Response(200, None, stream.request.path.encode()))


def test_requests_that_are_answered_at_once_need_no_task_and_stay_in_order():
    async def handler_that_waits(stream):
        await asyncio.sleep(0)
        await answer(stream)

    def handler(stream):
        return handler_that_waits(stream) if stream.request.path == "/2" else at_once(stream)

    async def run():
        async with in_memory(handler=at_once) as session:
            session.connection.data_received(get("/now") + get("/then"))
            assert {asyncio.current_task()} == asyncio.all_tasks()
            await session.feed(b"")
            assert b"/then" == session.transport.written[-5:]
            assert session.outcome.statuses == [200] * 2

    asyncio.run(run())
    with serving(handler) as served, served.connect() as client:
        client.sendall(b"".join(get(f"/{number}") for number in range(1, 6)))
        assert [read_answer(client)[2] for _ in range(5)] == [b"/1", b"/2", b"/3", b"/4", b"/5"]


def test_what_is_to_be_sent_soon_leaves_in_front_of_what_is_sent_at_once_and_of_the_end():
    async def run(path):
        async with in_memory(handler=at_once) as session:
            session.connection.data_received(get("/first"))
            assert b"" == session.transport.written
            if path == "early":
                session.connection.data_received(b"\0")  # is refused, and the connection closed
            elif path == "drain":
                session.connection.drain()
            else:
                session.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            written = session.transport.written
            await session.feed(b"")
            return written, session.outcome

    for path, statuses in (("early", [200, 400]), ("drain", [200]), ("write", [200, 100])):
        written, outcome = asyncio.run(run(path))
        assert (path, written) == (path, outcome.output)
        assert (path, outcome.statuses) == (path, statuses)


def test_what_is_to_be_sent_soon_to_a_client_that_leaves_is_dropped():
    async def run():
        async with in_memory(handler=at_once) as session:
            session.connection.data_received(GET)
            session.connection.connection_lost(None)
            await session.feed(b"")
            assert b"" == session.transport.written

    asyncio.run(run())


def test_what_is_to_be_sent_soon_leaves_though_the_client_has_ended_its_side():
    def handler(stream):
        assert stream.respond_at_once(Response(200, None, b"here"))

    async def run():
        async with in_memory(handler=handler) as session:
            session.connection.data_received(GET)
            if not session.connection.eof_received():  # as a transport does, TLS ones at once behind the data
                session.transport.close()
            await session.feed(b"")
            return session.outcome

    assert asyncio.run(run()).output.endswith(b"here")


def test_a_client_that_ends_its_side_while_it_waits_for_an_answer_counts_as_gone():
    ended = []

    async def handler(stream):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def run():
        async with in_memory(handler=handler) as session:
            await session.feed(GET)
            if not session.connection.eof_received():  # as a transport does
                session.transport.close()
                session.connection.connection_lost(None)
            await session.feed(b"")
            return session.outcome.output

    assert (asyncio.run(run()), ended) == (b"", [True])


def test_an_answer_that_cannot_be_written_costs_nobody_else_theirs():
    class Broken(MemoryTransport):
        def write(self, data):
            raise RuntimeError("broken")

    async def run():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        async with in_memory(handler=at_once) as session:
            broken = Connection(session.server)
            transport = Broken()
            transport.protocol = broken
            broken.connection_made(transport)
            broken.data_received(GET)
            await session.feed(GET)
            assert session.outcome.statuses == [200]
            assert (transport.closed, told) == (True, ["an answer could not be written"])

    asyncio.run(run())


def test_a_body_that_a_handler_did_not_wait_for_is_read_and_the_next_request_served():
    outcome = drive([POST, b"hello", get("/next"), CHUNKED, b"2\r\nhi\r\n0\r\n\r\n" + GET], handler=at_once)
    assert (outcome.statuses, outcome.closed) == ([200] * 3, True)  # nobody knows how long chunks go on


@pytest.mark.parametrize("error", [KeyError("bug"), None], ids=["that raises", "that says nothing"])
def test_a_handler_that_fails_at_once_costs_that_request_a_500(error):
    def handler(stream):
        if error is not None:
            raise error

    outcome = drive([GET], handler=handler)
    assert (outcome.statuses, outcome.closed) == ([500], True)


def test_a_handler_whose_client_leaves_before_it_could_go_on_ends_what_it_began():
    ended = []

    async def rest():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def run():
        async with in_memory(handler=lambda stream: rest()) as session:
            session.connection.data_received(GET)
            session.connection.connection_lost(None)
            await session.feed(b"")
            assert [True] == ended

    asyncio.run(run())


def test_thousands_of_pipelined_requests_are_answered():
    outcome = drive([get("/") * 3000], settings(pipeline_buffer=1_000_000))
    assert outcome.statuses == [200] * 3000


def test_a_client_that_pipelines_too_much_is_not_read_from_until_it_got_answers():
    async def run():
        released = asyncio.Event()

        async def handler(stream):
            await released.wait()
            await answer(stream)

        async with in_memory(settings(pipeline_buffer=100), handler) as session:
            await session.feed(get("/") * 3)
            assert session.transport.reading
            await session.feed(get("/") * 3)
            assert not session.transport.reading
            released.set()
            await session.feed(b"")
            assert session.transport.reading
            assert session.outcome.statuses == [200] * 6

    asyncio.run(run())


def test_a_pipelined_request_behind_a_body_is_served():
    outcome = drive([POST + b"hello" + CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + GET])
    assert [seen.body for seen in outcome.seen] == [b"hello", b"hi", b""]


@pytest.mark.parametrize(
    ("request_head", "kept"),
    [
        (get("/"), True),
        (get("/", "Connection: keep-alive"), True),
        (get("/", "Connection: close"), False),
        (get("/", "Connection: Foo, CLOSE"), False),
        (get("/", "Connection: foo", "Connection: close"), False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", False),
    ],
)
def test_the_client_says_whether_its_connection_is_kept(request_head, kept):
    outcome = drive([request_head])
    assert outcome.statuses == [200]
    assert kept != outcome.closed
    assert kept != (b"\r\nConnection: close" in outcome.output)


def test_nothing_behind_the_last_request_of_a_connection_is_read():
    outcome = drive([get("/", "Connection: close") + get("/smuggled")])
    assert [seen.path for seen in outcome.seen] == ["/"]


def test_a_connection_is_closed_after_its_number_of_requests():
    outcome = drive([get("/") * 5], settings(requests_per_connection=2))
    assert outcome.statuses == [200, 200]
    assert outcome.closed
    assert outcome.output.count(b"Connection: close") == 1


def test_empty_lines_in_front_of_a_request_are_skipped():
    assert drive([b"\r\n\r\n" + GET + b"\r\n" + GET]).statuses == [200, 200]


def test_a_head_that_comes_byte_by_byte_is_read():
    outcome = drive([bytes((byte,)) for byte in POST + b"hello" + GET])
    assert [seen.body for seen in outcome.seen] == [b"hello", b""]


@pytest.mark.parametrize(
    "beginning",
    [b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\nHost", b"GET /\x00", b"\x00", b" GET", b"GET / HTTP/1.1\r\nA\rB",
     b"\r\r",     b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"GET / HTTP/1.1\r\nA: b\r\n c", b"{}\r\n"],
)  # fmt: skip
def test_what_cannot_become_a_head_is_refused_at_once(beginning):
    outcome = drive([beginning])
    assert outcome.statuses == [400]
    assert outcome.closed


# Limits


@pytest.mark.parametrize("piece", [1, 50, 100_000])
@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 600 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 250 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10 + b"\r\n", 431),
    ],
)
def test_heads_beyond_a_limit_are_refused(head, status, piece):
    limits = settings(request_line=200, head=500, header=200, headers=10)
    outcome = drive([head[place : place + piece] for place in range(0, len(head), piece)], limits)
    assert [status] == outcome.statuses
    assert outcome.closed


def test_a_head_of_exactly_the_limits_is_served():
    head = b"GET /" + b"a" * 186 + b" HTTP/1.1\r\nHost: a\r\n" + b"X:y\r\n" * 9 + b"\r\n"
    assert head.find(b"\r\n") == 200
    limits = settings(request_line=200, head=len(head), header=6, headers=10)
    assert drive([head], limits).statuses == [200]


def test_an_endless_head_does_not_take_memory():
    async def run():
        async with in_memory(settings(head=1000)) as session:
            await session.feed(b"GET / HTTP/1.1\r\n")
            for _ in range(100):
                await session.feed(b"X: " + b"x" * 50 + b"\r\n")
            assert session.outcome.statuses == [431]
            assert session.connection._buffer == b""

    asyncio.run(run())


def test_a_declared_body_beyond_the_limit_is_refused_before_the_handler_runs():
    outcome = drive([POST + b"hel"], settings(body=4))
    assert outcome.statuses == [413]
    assert outcome.seen == ()
    assert outcome.closed


def test_a_chunked_body_beyond_the_limit_breaks_as_it_passes_it():
    outcome = drive([CHUNKED, b"3\r\nabc\r\n", b"3\r\ndef\r\n", b"0\r\n\r\n"], settings(body=5))
    assert outcome.statuses == [413]
    assert [seen.body for seen in outcome.seen] == [None]
    assert outcome.closed


def test_the_handler_learns_which_limit_a_body_passed():
    errors = []

    async def handler(stream):
        try:
            await stream.request.body.read()
        except BodyTooLarge as error:
            errors.append(error.limit)
        await stream.respond(Response(413))

    drive([CHUNKED + b"6\r\nabcdef\r\n"], settings(body=5), handler)
    assert errors == [5]


# Bodies


def test_a_body_that_came_with_its_head_is_there_without_waiting():
    seen = []

    async def handler(stream):
        seen.append(stream.request.body.data)
        await answer(stream)

    drive([POST + b"hello", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"], None, handler)
    assert seen == [b"hello", b"hello"]


def test_a_body_streams_to_the_handler_as_it_comes():
    chunks = []

    async def handler(stream):
        chunks.extend([chunk async for chunk in stream.request.body])
        chunks.append(stream.bytes_received)
        await answer(stream)

    drive([CHUNKED, b"3\r\nabc\r\n", b"3\r\nde", b"f\r\n0\r\n\r\n"], None, handler)
    assert chunks == [b"abc", b"de", b"f", 6]


def test_a_client_is_not_read_from_while_nobody_takes_its_body():
    async def run():
        release = asyncio.Event()
        bodies = []

        async def handler(stream):
            await release.wait()
            bodies.append(await stream.request.body.read())
            await answer(stream)

        async with in_memory(settings(body_buffer=100), handler) as session:
            await session.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + b"x" * 90)
            assert session.transport.reading
            await session.feed(b"x" * 90)
            assert not session.transport.reading
            await session.pass_time(1000)
            assert session.connection.deadline == float("inf")
            release.set()
            await session.feed(b"x" * 120)
            assert session.transport.reading
            assert bodies == [b"x" * 300]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"5\nhello", 400),
        (b"zz\r\n", 400),
        (b"5\r\nhello6\r\n", 400),
        (b"1;" + b"x" * 9000, 400),
        (b"0\r\n" + b"a: b\r\n" * 9000, 431),
    ],
)
def test_a_body_with_bad_framing_breaks_and_closes_the_connection(body, status):
    outcome = drive([CHUNKED, body, GET])
    assert [status] == outcome.statuses
    assert [seen.body for seen in outcome.seen] == [None]
    assert outcome.closed


def test_a_small_body_that_nobody_read_is_dropped_and_the_connection_kept():
    outcome = drive([POST, b"hel", b"lo" + get("/next")], None, answer)
    assert outcome.statuses == [200, 200]
    assert not outcome.closed


def test_a_connection_with_a_large_unread_body_is_closed():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    outcome = drive([head, b"x" * 1000, b"x" * 999_000 + GET], None, answer)
    assert outcome.statuses == [200]
    assert outcome.closed
    assert b"Connection: close" in outcome.output


def test_a_refused_upload_is_read_on_so_that_the_client_sees_the_answer():
    with serving(answer, settings(body=1000)) as served, served.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
        assert read_answer(client)[0] == 413
        assert read_all(client) == b""


# Expect


def test_a_client_is_told_to_go_on_when_the_body_is_wanted():
    with serving() as served, served.connect() as client:
        client.sendall(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert read_answer(client)[0] == 100
        client.sendall(b"hello")
        assert read_answer(client)[::2] == (200, b"hello")
        client.sendall(GET)
        assert read_answer(client)[0] == 200


def test_a_client_that_waits_is_not_told_to_go_on_when_it_is_refused():
    outcome = drive([POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n")], None, answer)
    assert outcome.statuses == [200]
    assert outcome.closed


def test_a_body_that_is_there_already_needs_no_go_ahead():
    outcome = drive([POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\nhello")])
    assert outcome.statuses == [200]


def test_an_expectation_without_a_body_needs_no_go_ahead():
    assert drive([get("/", "Expect: 100-continue")]).statuses == [200]


def test_another_expectation_is_refused():
    assert drive([POST.replace(b"\r\n\r\n", b"\r\nExpect: the-unexpected\r\n\r\n")]).statuses == [417]


def test_a_client_of_http_1_0_is_never_told_to_go_on():
    raw = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    assert drive([raw, b"hello"]).statuses == [200]


# Clients that go, handlers that fail


def test_the_handler_is_cancelled_when_the_client_goes():
    with_cancel = []

    async def handler(stream):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            with_cancel.append(stream.request.path)
            raise

    with serving(handler) as served:
        with served.connect() as client:
            client.sendall(get("/gone"))
            client.sendall(get("/never"))
            while not served.call(lambda: [c for c in served.server._connections if c._task]):
                pass
        while not served.call(lambda: with_cancel):
            pass
    assert with_cancel == ["/gone"]


def test_a_body_breaks_when_its_client_goes():
    errors = []

    async def handler(stream):
        try:
            await stream.request.body.read()
        except (BodyError, asyncio.CancelledError) as error:
            errors.append(error)
            raise

    async def run():
        async with in_memory(None, handler) as session:
            await session.feed(POST + b"hel")
            session.transport.close()
            await session.feed(b"")

    asyncio.run(run())
    assert len(errors) == 1


def test_answering_a_client_that_has_gone_says_so():
    raised = []

    async def run():
        async def handler(stream):
            session.transport.close()
            for _ in range(3):
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    continue
            try:
                await stream.respond(Response(200))
            except ClientGone as error:
                raised.append(error)
                raise

        async with in_memory(None, handler) as session:
            await session.feed(GET)

    asyncio.run(run())
    assert len(raised) == 1


@pytest.mark.parametrize("fails", [RuntimeError("broken"), None])
def test_a_handler_that_fails_or_forgets_to_answer_makes_a_500(fails):
    reported = []

    async def handler(stream):
        if fails is not None:
            raise fails

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with in_memory(None, handler) as session:
            await session.feed(GET)
            assert session.server.counters["handler_failures"] == 1
            return session.outcome

    outcome = asyncio.run(run())
    assert outcome.statuses == [500]
    assert outcome.closed
    assert len(reported) == 1


def test_a_handler_that_fails_after_its_answer_cuts_the_connection():
    async def handler(stream):
        await answer(stream)
        raise RuntimeError("late")

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with in_memory(None, handler) as session:
            await session.feed(GET + GET)
            return session.outcome

    outcome = asyncio.run(run())
    assert outcome.statuses == [200]
    assert outcome.closed


# Time


def passing(seconds, *pieces, handler=None, timeouts=None, waiting=0):
    """What came of pieces that were sent with some time after each."""

    async def run():
        async with in_memory(settings(timeouts), handler) as session:
            for piece in pieces:
                await session.feed(piece)
                session.transport.waiting = waiting
                await session.pass_time(seconds)
            return session.outcome, session.server.counters

    return asyncio.run(run())


def test_a_head_must_be_complete_in_time_however_steadily_it_comes():
    pieces = [bytes((byte,)) for byte in GET]
    outcome, counters = passing(1, *pieces, timeouts={"head": 10})
    assert outcome.statuses == [408]
    assert outcome.closed
    assert counters["head_timeouts"] == 1


def test_a_connection_that_never_sends_anything_is_closed_without_a_word():
    outcome, _ = passing(11, b"", timeouts={"head": 10})
    assert (outcome.output, outcome.closed) == (b"", True)


def test_an_idle_connection_is_closed_without_a_word():
    outcome, _ = passing(31, GET, timeouts={"idle": 30})
    assert outcome.statuses == [200]
    assert outcome.closed


def test_a_connection_in_use_is_not_idle():
    outcome, _ = passing(20, GET, GET, GET, timeouts={"idle": 30})
    assert outcome.statuses == [200] * 3
    assert not outcome.closed


def test_a_body_that_stops_coming_breaks_with_408():
    outcome, counters = passing(31, POST + b"hel", timeouts={"body": 30})
    assert outcome.statuses == [408]
    assert outcome.closed
    assert counters["body_timeouts"] == 1


def test_a_body_that_trickles_below_the_rate_breaks_with_408():
    pieces = [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", *[b"x" * 5] * 100]
    outcome, _ = passing(1, *pieces, timeouts={"body": 10, "body_rate": 10})
    assert outcome.statuses == [408]


def test_a_body_that_keeps_the_rate_is_taken():
    pieces = [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", *[b"x" * 10] * 100]
    outcome, _ = passing(1, *pieces, timeouts={"body": 10, "body_rate": 10})
    assert outcome.statuses == [200]


def test_a_handler_may_take_its_time():
    async def run():
        release = asyncio.Event()

        async def handler(stream):
            await release.wait()
            await answer(stream)

        async with in_memory(settings(), handler) as session:
            await session.feed(GET)
            await session.pass_time(10_000)
            release.set()
            await session.feed(b"")
            return session.outcome

    assert asyncio.run(run()).statuses == [200]


def test_a_client_that_does_not_take_its_answer_is_cut_off():
    outcome, counters = passing(31, GET, timeouts={"write": 30}, waiting=5000)
    assert not outcome.closed  # it is idle first
    outcome, counters = passing(200, GET, timeouts={"write": 30, "idle": 75}, waiting=5000)
    assert outcome.closed
    assert counters["write_timeouts"] == 1


def test_a_stream_waits_for_a_slow_client_and_ends_when_it_takes_nothing():
    sent = []

    async def chunks():
        for number in range(100):
            sent.append(number)
            yield b"x" * 1000

    async def handler(stream):
        await stream.respond(Response(200, None, Body.stream(chunks())))

    async def run():
        async with in_memory(settings({"write": 30}), handler) as session:
            session.transport.waiting = 100_000
            session.transport.slow = True
            await session.feed(GET)
            assert sent == [0]
            await session.pass_time(29)
            session.connection.resume_writing()
            await session.feed(b"")
            assert sent == [0, 1]
            session.transport.waiting = 50_000
            await session.pass_time(31)
            assert not session.transport.closed
            await session.pass_time(31)
            return session.outcome, session.server.counters["write_timeouts"]

    outcome, cut = asyncio.run(run())
    assert outcome.closed
    assert cut == 1
    assert not outcome.output.endswith(b"0\r\n\r\n")


def test_a_pipelining_client_that_reads_nothing_is_not_served_on():
    async def run():
        async with in_memory() as session:
            await session.feed(GET)
            session.connection.pause_writing()
            await session.feed(GET * 5)
            served = len(session.recorder.seen)
            session.connection.resume_writing()
            await session.feed(b"")
            return served, len(session.recorder.seen)

    assert asyncio.run(run()) == (1, 6)


def test_a_closing_connection_does_not_linger_for_ever():
    async def run():
        async with in_memory(settings({"linger": 2}, body=1)) as session:
            session.transport.can_write_eof = lambda: False
            await session.feed(POST)
            assert session.outcome.statuses == [413]
            await session.feed(b"x" * 100)
            assert not session.transport.closed
            await session.pass_time(3)
            return session.transport.closed

    assert asyncio.run(run())


def test_timeouts_hold_over_sockets():
    short = settings({"head": 0.1, "idle": 0.1, "body": 0.1})
    with serving(settings=short) as served:
        assert served.exchange(b"GET / HTTP/1.1\r\nHo").startswith(b"HTTP/1.1 408 ")
        assert served.exchange(POST + b"hel").startswith(b"HTTP/1.1 408 ")
        assert served.exchange(GET).startswith(b"HTTP/1.1 200 ")
        assert served.exchange(b"") == b""


def test_settings_are_not_changed_by_serving():
    before = settings()
    drive([GET], before)
    assert attrs.asdict(settings()) == attrs.asdict(before)


def test_headers_reach_the_handler_in_order_with_their_case():
    outcome = drive([get("/", "X-B: 1", "x-a:2", "X-B:   3  ")])
    assert outcome.seen[0].headers == (("Host", "a"), ("X-B", "1"), ("x-a", "2"), ("X-B", "3"))
    assert Headers([("Host", "a"), ("X-B", "1"), ("x-a", "2"), ("X-B", "3")]) == Headers(outcome.seen[0].headers)


# Fields that a client repeats

FIELDS = b"Host: a\r\nX-Tier: gold\r\nX-Real-IP: 6.6.6.6\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"


def repeated(line, fields=FIELDS, times=5):
    return [line + b"\r\n" + fields + b"\r\n"] * times


def test_repeated_fields_mean_the_same_every_time():
    outcome = drive(repeated(b"GET /a?b HTTP/1.1"))
    assert 5 == len(outcome.seen)
    assert {(("Host", "a"), ("X-Tier", "gold"))} == {seen.headers for seen in outcome.seen}
    assert {("GET", "/a", "b", "a", "http")} == {(s.method, s.path, s.query, s.host, s.scheme) for s in outcome.seen}


def test_the_request_line_is_read_anew_under_repeated_fields():
    lines = [b"GET / HTTP/1.1"] * 3 + [
        b"POST /x HTTP/1.1",
        b"GET /a/../b?c HTTP/1.1",
        b"GET http://a/y HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"PROPFIND /z HTTP/1.1",
        b"GET / HTTP/1.1",
    ]
    outcome = drive([line + b"\r\n" + FIELDS + b"\r\n" for line in lines])
    assert ["/", "/", "/", "/x", "/b", "/y", "*", "/z", "/"] == [seen.path for seen in outcome.seen]
    assert 1 == len({seen.headers for seen in outcome.seen})


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"\rGET / HTTP/1.1", 400),
        (b"GET /%2f HTTP/1.1", 400),
        (b"GET /\\ HTTP/1.1", 400),
        (b"GET /# HTTP/1.1", 400),
        (b"GET /\xe9 HTTP/1.1", 400),
        (b"GET http://b/ HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET / HTTP/1.2", 505),
        (b"FOO / HTTP/1.1", 501),
        (b"CONNECT / HTTP/1.1", 501),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
    ],
)
def test_repeated_fields_do_not_hide_a_bad_request_line(line, status):
    outcome = drive([*repeated(b"GET / HTTP/1.1"), line + b"\r\n" + FIELDS + b"\r\n"])
    assert [200] * 5 + [status] == outcome.statuses
    assert outcome.closed


def test_what_a_handler_does_to_repeated_fields_is_forgotten():
    seen = []

    async def handler(stream):
        headers = stream.request.headers
        seen.append(list(headers.items()))
        headers.add("X-Tier", "silver")
        headers["X-New"] = "1"
        headers.remove("Host")
        await answer(stream)

    drive(repeated(b"GET / HTTP/1.1"), None, handler)
    assert [[("Host", "a"), ("X-Tier", "gold")]] * 5 == seen


def test_bodies_under_repeated_fields_are_read():
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    chunked = CHUNKED + b"2\r\nhi\r\n0\r\n\r\n"
    outcome = drive([request * 5 + chunked * 5 + request * 5 + GET * 3])
    assert [b"hello"] * 5 + [b"hi"] * 5 + [b"hello"] * 5 + [b""] * 3 == [seen.body for seen in outcome.seen]


def test_a_body_that_comes_late_under_repeated_fields_is_read():
    outcome = drive([*[POST, b"hel", b"lo"] * 5, GET])
    assert [b"hello"] * 5 + [b""] == [seen.body for seen in outcome.seen]


def test_http_1_0_is_never_taken_for_http_1_1_under_repeated_fields():
    fields = b"Host: a\r\nConnection: keep-alive\r\n"
    lines = [b"GET / HTTP/1.1"] * 3 + [b"GET / HTTP/1.0"] + [b"GET / HTTP/1.1"]
    outcome = drive([line + b"\r\n" + fields + b"\r\n" for line in lines])
    assert 1 == outcome.output.count(b"Connection: keep-alive")


def test_an_upgrade_under_repeated_fields_is_still_an_upgrade():
    fields = b"Host: a\r\nUpgrade: websocket\r\n"
    outcome = drive(
        [*repeated(b"GET / HTTP/1.1", fields, 3), b"GET / HTTP/1.1\r\nConnection: upgrade\r\n" + fields + b"\r\n"]
    )
    assert [None, None, None, "websocket"] == [seen.header("Upgrade") for seen in outcome.seen]
