"""The fake backend speaks over a real socket."""

import asyncio

from apim_sdk import Fault, errors
from apim_sdk.testing import Answer
from apim_sdk.testing.backend import FakeBackend


async def send(backend, data, *, more=()):
    """Everything the backend sends until it closes; ``more`` goes out after the first answer has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", backend.port)
    try:
        writer.write(data)
        received = b""
        for part in more:
            received += await reader.readuntil(b"\r\n\r\n")
            writer.write(part)
        return received + await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def exchange(reply, data=b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", **settings):
    async def main():
        async with FakeBackend(reply) as backend:
            return await send(backend, data, **settings), backend.requests

    return asyncio.run(main())


def test_a_whole_body_goes_with_its_length():
    answer, _ = exchange(Answer(201, {"X-A": "1"}, "made"))

    assert b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nmade" == answer


def test_a_body_of_chunks_goes_chunked():
    answer, _ = exchange(Answer(body=[b"ab", b"c"]))

    assert b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" in answer


def test_an_answer_without_content_has_no_length():
    answer, _ = exchange(Answer(204))

    assert b"HTTP/1.1 204 No Content\r\n\r\n" == answer


def test_a_broken_body_is_shorter_than_it_promised():
    answer, _ = exchange(Answer(body=b"half", broken=True))

    assert answer.endswith(b"Content-Length: 5\r\n\r\nhalf")


def test_a_failure_closes_without_an_answer():
    answer, requests = exchange(Answer(fault=Fault(errors.ENDPOINT_CONNECTION_CLOSED)))

    assert (b"", 1) == (answer, len(requests))


def test_raw_bytes_go_out_as_they_are():
    answer, _ = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n")

    assert b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n" == answer


def test_the_head_is_kept_as_it_arrived():
    head = b"POST /a?b HTTP/1.1\r\nX-Odd:  two  words \r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    _, (request,) = exchange(Answer(), head + b"ok")

    assert (head, "POST", "/a?b", "two  words", b"ok") == (
        request.head,
        request.method,
        request.target,
        request.headers["X-Odd"],
        request.body,
    )


def test_a_chunked_request_is_put_together():
    chunked = (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"
    )
    _, (request,) = exchange(Answer(), chunked)

    assert b"abc" == request.body


def test_a_connection_carries_several_requests():
    close = b"GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"
    _, requests = exchange(Answer(204), b"GET /1 HTTP/1.1\r\n\r\n", more=[close])

    assert [("/1", 1), ("/2", 1)] == [(request.target, request.connection) for request in requests]


def test_the_answer_to_head_has_no_body():
    answer, _ = exchange(Answer(body=b"four"), b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"Content-Length: 4\r\n\r\n")


def test_a_function_of_the_request_may_answer():
    answer, _ = exchange(lambda request: Answer(body=request.target), b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"\r\n\r\n/x")


def test_leaving_does_not_wait_for_clients_that_hold_their_connection():
    async def main():
        async with FakeBackend() as backend:
            reader, writer = await asyncio.open_connection("127.0.0.1", backend.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
        writer.close()
        return rest

    assert b"" == asyncio.run(asyncio.wait_for(main(), 5))
