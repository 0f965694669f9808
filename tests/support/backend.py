"""A backend on a real socket that does exactly what a test's script says, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs

from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_settings import Origin, UpstreamSettings

__all__ = ["Backend", "Conversation", "Received", "always", "backend", "pool_of", "sends"]


@attrs.frozen
class Received:
    """One request as it came over the wire; ``body`` without chunks."""

    head: bytes
    body: bytes = b""

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    def values(self, name: str) -> list[bytes]:
        """Every value of a field."""
        lines = self.head.rstrip().split(b"\r\n")[1:]
        pairs = [line.split(b": ", 1) for line in lines]
        return [value for key, value in pairs if key.lower() == name.lower().encode()]

    def value(self, name: str) -> bytes | None:
        """The one value of a field, None if it is not there."""
        values = self.values(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Conversation:
    """One connection, from the backend's side."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def request(self) -> Received:
        """The next request. Raises IncompleteReadError when the gateway closes instead."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        request = Received(head)
        if request.value("transfer-encoding") is not None:
            return Received(head, await self._chunks())
        return Received(head, await self.reader.readexactly(int(request.value("content-length") or 0)))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(re.fullmatch(rb"([0-9a-f]+)\r\n", await self.reader.readline())[1], 16):  # type: ignore[index]
            body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return body

    async def say(self, *pieces: bytes) -> None:
        """Send the pieces, each in a segment of its own as far as that can be had."""
        for piece in pieces:
            if self.writer.is_closing():
                raise ConnectionResetError("the gateway has closed")
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    def reset(self) -> None:
        """Break the connection with RST, not with FIN."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def closed(self) -> bytes:
        """Wait until the gateway has closed; answers what it still sent."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


Script = Callable[[Conversation], Awaitable[None]]


@attrs.define
class Backend:
    """A backend that listens; ``conversations`` are its connections in the order in which they came."""

    port: int
    conversations: list[Conversation] = attrs.field(factory=list)
    requests: list[Received] = attrs.field(factory=list)

    @property
    def origin(self) -> Origin:
        return Origin("http", "127.0.0.1", self.port)


@contextlib.asynccontextmanager
async def backend(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Backend]:
    """A backend that runs ``script`` for each connection and then closes it; an error of the script fails the test."""
    found = Backend(0)
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        conversation = Conversation(len(found.conversations), reader, writer)
        found.conversations.append(conversation)
        try:
            await script(conversation)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the gateway has closed, or the test is over
        except Exception as error:  # raised below, in the test's own task
            failures.append(error)
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


def sends(*pieces: bytes, then: str = "close") -> Script:
    """Take one request, send ``pieces``, then ``close``, ``reset`` or ``wait`` for the gateway to close."""

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.say(*pieces)
        if then == "wait":
            await conversation.closed()
        elif then == "reset":
            conversation.reset()

    return script


def always(*pieces: bytes) -> Script:
    """Answer each request on a connection with the same pieces, as long as it is kept."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.request()
            await conversation.say(*pieces)

    return script


@contextlib.asynccontextmanager
async def pool_of(served: Backend, **settings: Any) -> AsyncIterator[UpstreamPool]:
    """A pool for a backend; after the block no connection of it may be left."""
    pool = UpstreamPool(served.origin, UpstreamSettings(**settings))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()
        assert pool.counts.open == 0
