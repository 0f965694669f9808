import asyncio
import contextlib
import resource

import pytest
from apim_sdk import Fault, Headers, Response
from apim_sdk.body import Body, BodyError
from support.wire import drive, read_all, read_answer, serving

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")


async def chunks_of(*chunks):
    for chunk in chunks:
        yield chunk


def answering(make):
    """A handler that answers with what ``make`` returns."""

    async def handler(stream):
        await stream.respond(make())

    return handler


def answer(make, *requests):
    return drive(requests or [GET], None, answering(make)).output


def test_a_whole_answer_leaves_in_one_write():
    writes = []

    async def handler(stream):
        transport = stream._connection._transport
        transport.write, write = lambda data: (writes.append(data), write(data)), transport.write
        await stream.respond(Response(200, Headers([("Content-Type", "text/plain")]), b"hello"))

    drive([GET], None, handler)
    (data,) = writes
    head, body = data.split(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[:2] == [b"HTTP/1.1 200 OK", b"Content-Type: text/plain"]
    assert lines[2].startswith(b"Date: ")
    assert lines[2].endswith(b" GMT")
    assert lines[3:] == [b"Content-Length: 5"]
    assert body == b"hello"


def test_the_date_of_the_backend_is_kept():
    output = answer(lambda: Response(200, Headers([("date", "Tue, 15 Nov 1994 08:12:31 GMT")])))
    assert output.lower().count(b"\r\ndate: ") == 1
    assert b"date: Tue, 15 Nov 1994 08:12:31 GMT" in output


@pytest.mark.parametrize(
    "field",
    ["Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Upgrade", "Trailer", "Proxy-Connection", "TE"],
)
def test_fields_that_belong_to_the_wire_are_never_taken_from_the_answer(field):
    output = answer(lambda: Response(200, Headers([(field, "987654"), ("X", "y")]), b"hello"))
    head = output.split(b"\r\n\r\n")[0]
    assert b"987654" not in head
    assert b"\r\nX: y\r\n" in head
    assert b"\r\nContent-Length: 5" in head


def test_a_stream_of_known_length_is_sent_with_it():
    output = answer(lambda: Response(200, None, Body.stream(chunks_of(b"hel", b"lo"), 5)))
    assert b"\r\nContent-Length: 5\r\n\r\nhello" in output


def test_a_stream_of_unknown_length_is_sent_in_chunks():
    outcome = drive([GET], None, answering(lambda: Response(200, None, Body.stream(chunks_of(b"hel", b"lo")))))
    assert b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" in outcome.output
    assert not outcome.closed


def test_a_stream_to_an_http_1_0_client_ends_with_the_connection():
    requests = [b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]
    outcome = drive(requests, None, answering(lambda: Response(200, None, Body.stream(chunks_of(b"hel", b"lo")))))
    assert b"\r\nConnection: close\r\n\r\nhello" in outcome.output
    assert b"chunked" not in outcome.output
    assert outcome.closed


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_have_none(status):
    outcome = drive([GET, GET], None, answering(lambda: Response(status, None, b"ignored")))
    assert [status] * 2 == outcome.statuses
    assert b"ignored" not in outcome.output
    assert b"ontent-Length" not in outcome.output
    assert b"chunked" not in outcome.output


def test_304_keeps_the_length_that_the_backend_says_200_would_have():
    assert b"\r\nContent-Length: 17" in answer(lambda: Response(304, Headers([("Content-Length", "17")])))
    assert b"ontent-Length" not in answer(lambda: Response(204, Headers([("Content-Length", "17")])))


@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda: Response(200, None, b"hello"), b"5"),
        (lambda: Response(200, Headers([("Content-Length", "17")])), b"17"),
        (lambda: Response(200, None, Body.stream(chunks_of(b"x"))), None),
    ],
)
def test_head_answers_have_the_fields_of_get_but_no_body(make, length):
    outcome = drive([HEAD, HEAD], None, answering(make))
    head, _, rest = outcome.output.partition(b"\r\n\r\n")
    assert outcome.statuses == [200, 200]
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert (None if length is None else b"Content-Length: " + length) == next(
        (line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), None
    )


@pytest.mark.parametrize("stream_it", [False, True])
@pytest.mark.parametrize(("asked", "sent_on", "body"), [(HEAD, "GET", b""), (GET, "HEAD", b"hello")])
def test_what_the_client_asked_by_decides_the_framing_whatever_went_to_the_backend(asked, sent_on, body, stream_it):
    async def handler(stream):
        stream.request.method = sent_on
        content = Body.stream(chunks_of(b"hello"), 5) if stream_it else b"hello"
        await stream.respond(Response(200, None, content))

    output = drive([asked, asked], None, handler).output

    assert output.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert [body, body] == [each.partition(b"\r\n\r\n")[2] for each in output.split(b"HTTP/1.1 200 OK\r\n")[1:]]


def test_a_reason_phrase_of_the_backend_is_kept():
    assert answer(lambda: Response(200, reason="Fine")).startswith(b"HTTP/1.1 200 Fine\r\n")
    assert answer(lambda: Response(299)).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("response", [Response(200, reason="a\r\nX: y"), Response(42), Response(1000)])
def test_an_answer_that_would_break_the_framing_is_not_sent(response):
    async def handler(stream):
        with pytest.raises(ValueError, match=r"status|reason"):
            await stream.respond(response)
        await stream.respond(Response(500))

    assert drive([GET], None, handler).statuses == [500]


def test_a_stream_that_breaks_cuts_the_connection():
    async def broken():
        yield b"hel"
        raise BodyError("the backend went away")

    errors = []

    async def handler(stream):
        try:
            await stream.respond(Response(200, None, Body.stream(broken())))
        except BodyError as error:
            errors.append(error)

    with serving(handler) as served, served.connect() as client:
        client.sendall(GET + GET)
        with pytest.raises(ConnectionResetError):
            read_all(client)
    assert len(errors) == 1


def test_a_stream_that_breaks_never_looks_whole_to_an_http_1_0_client():
    async def broken():
        yield b"hel"
        await asyncio.sleep(0)
        raise BodyError("the backend went away")

    async def handler(stream):
        with contextlib.suppress(BodyError):
            await stream.respond(Response(200, None, Body.stream(broken())))

    with serving(handler) as served, pytest.raises(ConnectionResetError):
        served.exchange(b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("chunks", [(b"hel",), (b"hel", b"lo!")])
def test_a_stream_of_another_length_than_declared_cuts_the_connection(chunks):
    outcome = None

    async def handler(stream):
        with pytest.raises(RuntimeError, match="declared length"):
            await stream.respond(Response(200, None, Body.stream(chunks_of(*chunks), 5)))

    outcome = drive([GET + GET], None, handler)
    assert outcome.closed
    assert outcome.statuses == [200]
    assert b"lo!" not in outcome.output


def test_interim_answers_go_before_the_final_one():
    async def handler(stream):
        stream.informational(103, Headers([("Link", "</style.css>"), ("Content-Length", "5")]))
        await stream.respond(Response(200, None, b"hello"))

    output = drive([GET], None, handler).output
    assert output.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert drive([b"GET / HTTP/1.0\r\n\r\n"], None, handler).output.startswith(b"HTTP/1.1 200 ")


def test_interim_answers_are_checked():
    async def handler(stream):
        for status in (99, 101, 200):
            with pytest.raises(ValueError, match="interim"):
                stream.informational(status, Headers())
        await stream.respond(Response(200))
        with pytest.raises(RuntimeError, match="final"):
            stream.informational(103, Headers())
        with pytest.raises(RuntimeError, match="already"):
            await stream.respond(Response(200))

    assert drive([GET], None, handler).statuses == [200]


def trailing():
    response = Response(200, None, Body.stream(chunks_of(b"hello")))
    response.trailers = Headers([("Grpc-Status", "0"), ("Content-Length", "1")])
    return response


def test_trailers_go_to_clients_that_take_them():
    request = GET.replace(b"\r\n\r\n", b"\r\nConnection: TE\r\nTE: trailers\r\n\r\n")
    assert answer(trailing, request).endswith(b"\r\nhello\r\n0\r\nGrpc-Status: 0\r\n\r\n")
    assert answer(trailing).endswith(b"\r\nhello\r\n0\r\n\r\n")


def test_101_without_an_upgrade_request_is_a_fault():
    async def handler(stream):
        with pytest.raises(Fault) as caught:
            await stream.respond(Response(101))
        await stream.respond(Response(caught.value.status))

    assert drive([GET], None, handler).statuses == [502]


def test_the_bytes_of_bodies_are_counted():
    counts = []

    async def handler(stream):
        await stream.request.body.read()
        await stream.respond(Response(200, None, Body.stream(chunks_of(b"x" * 100, b"y" * 100_000))))
        counts.append((stream.bytes_received, stream.bytes_sent))

    drive(
        [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"], None, handler
    )
    assert counts == [(3, 100_100)]


def test_event_streams_are_sent_as_they_come():
    events = asyncio.Queue()

    async def source():
        while event := await events.get():
            yield event

    with serving(answering(lambda: Response(200, None, Body.stream(source())))) as served, served.connect() as client:
        client.sendall(GET)
        assert b"200 OK" in client.recv(65536)
        for event in (b"data: 1\n\n", b"data: 2\n\n"):
            served.call(lambda event=event: events.put_nowait(event))
            assert b"9\r\n" + event + b"\r\n" == client.recv(65536)
        served.call(lambda: events.put_nowait(b""))
        assert client.recv(65536) == b"0\r\n\r\n"


def test_large_bodies_go_through_in_little_memory():
    size = 256 * 1024 * 1024
    piece = b"x" * 65536

    async def handler(stream):
        async def echo():
            async for chunk in stream.request.body:
                yield chunk

        await stream.respond(Response(200, None, Body.stream(echo(), stream.request.body.length)))

    with serving(handler) as served, served.connect() as client:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        client.setblocking(False)
        received = _echo(client, piece, size)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert size == received
    assert after - before < 32 * 1024


def _echo(client, piece, size):
    """Send ``size`` bytes and count those that come back, both at once."""
    import selectors

    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
    sent = received = 0
    head = b""
    while received < size:
        ((_, events),) = selector.select(10)
        if events & selectors.EVENT_READ:
            data = client.recv(262144)
            assert data
            if not head.endswith(b"\r\n\r\n"):
                head, separator, data = (head + data).partition(b"\r\n\r\n")
                head += separator
            received += len(data)
        if events & selectors.EVENT_WRITE and sent < size:
            sent += client.send(piece[: size - sent])
            if sent == size:
                selector.modify(client, selectors.EVENT_READ)
    return received


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_000_000])
def test_answers_of_any_size_arrive_whole(size):
    with serving(answering(lambda: Response(200, None, b"x" * size))) as served, served.connect() as client:
        for _ in range(2):
            client.sendall(GET)
            assert b"x" * size == read_answer(client)[2]


def test_a_connection_that_is_not_kept_is_closed_after_the_whole_answer():
    with serving(answering(lambda: Response(200, None, b"x" * 3_000_000))) as served, served.connect() as client:
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(read_all(client).partition(b"\r\n\r\n")[2]) == 3_000_000
