"""A backend on a real socket, for tests that send real bytes: it keeps what arrives and answers as told.

It speaks as much HTTP/1.1 as a test needs and no more: it reads whole requests, keeps the raw bytes of their heads, and
writes any bytes at all, wrong ones too. It is not a server to learn from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType

import attrs

from apim_sdk.headers import Headers
from apim_sdk.messages import reason_phrase
from apim_sdk.testing.endpoint import Answer
from apim_sdk.testing.exchanges import make_headers

__all__ = ["FakeBackend", "RawRequest"]

_HEAD_LIMIT = 1 << 20


@attrs.frozen
class RawRequest:
    """A request as it arrived."""

    head: bytes
    """The bytes of request line and header fields, up to and with the empty line."""
    body: bytes
    """The content, without chunked framing."""
    connection: int
    """Which connection it came on, counted from 1."""

    @property
    def method(self) -> str:
        """The method of the request line."""
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The request target as it was on the wire."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> Headers:
        """The header fields, in order."""
        lines = self.head.split(b"\r\n")[1:-2]
        return Headers.from_raw([(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)])


Reply = Answer | bytes | None
"""An answer; or raw bytes after which the connection closes; or None to close it without a word."""


class FakeBackend:
    """An HTTP/1.1 server on a free port of 127.0.0.1, for ``async with``.

    It gives ``replies`` in turn and repeats the last; a function of the request may stand in for one. ``requests`` is
    what arrived, ``url`` where to send. An Answer whose body is bytes goes with a Content-Length, one whose body is
    chunks goes chunked; ``broken`` closes the connection in the middle of the body; with ``fault`` it closes without an
    answer.
    """

    def __init__(self, *replies: Reply | Callable[[RawRequest], Reply]) -> None:
        self.replies = replies or (Answer(),)
        self.requests: list[RawRequest] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FakeBackend:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None, "the backend was entered"
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None, "the backend was entered"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``"""
        return f"http://127.0.0.1:{self.port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer, self.connections))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            while (request := await _read_request(reader, connection)) is not None:
                reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
                self.requests.append(request)
                if callable(reply):
                    reply = reply(request)
                if not await _write(writer, request, reply):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away; what it sent before is in ``requests``
        finally:
            self._writers.discard(writer)
            writer.close()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> RawRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    request = RawRequest(head, b"", connection)
    headers = request.headers
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return attrs.evolve(request, body=b"".join([chunk async for chunk in _chunks(reader)]))
    return attrs.evolve(request, body=await reader.readexactly(int(headers.get("content-length", "0"))))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass


async def _write(writer: asyncio.StreamWriter, request: RawRequest, reply: Reply) -> bool:
    """Send a reply; whether the connection may carry another request."""
    if reply is None:
        return False
    if isinstance(reply, bytes):
        writer.write(reply)
        await writer.drain()
        return False
    if reply.fault is not None:
        return False
    for part in _wire(reply, with_body=request.method != "HEAD"):
        writer.write(part)
        await writer.drain()
    return not reply.broken and request.headers.get("connection", "").lower() != "close"


def _wire(answer: Answer, *, with_body: bool) -> Iterable[bytes]:
    """The bytes of an answer; a broken one promises more than it sends."""
    headers = make_headers(answer.headers).copy()
    body = answer.body.encode() if isinstance(answer.body, str) else answer.body
    whole = isinstance(body, bytes)
    if isinstance(body, bytes):
        if answer.status >= 200 and answer.status not in (204, 304) and "content-length" not in headers:
            headers.add("Content-Length", str(len(body) + (1 if answer.broken else 0)))
        chunks: Iterable[bytes] = (body,) if body else ()
    else:
        headers.add("Transfer-Encoding", "chunked")
        chunks = body
    fields = b"".join(name + b": " + value + b"\r\n" for name, value in headers.raw())
    yield f"HTTP/1.1 {answer.status} {reason_phrase(answer.status)}\r\n".encode() + fields + b"\r\n"
    if with_body:
        for chunk in chunks:
            yield chunk if whole else f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
        if not whole and not answer.broken:
            yield b"0\r\n\r\n"
