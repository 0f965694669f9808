"""Streams through a gateway: a backend of WebSockets and events, and clients that send any bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web
from apim_sdk import Exchange, Message, Policy

from support.backend import Conversation
from support.gateway import Served, serving

__all__ = ["MASK", "Peer", "Streams", "handshake", "raw_frame", "streaming", "switched", "through", "watching"]

MASK = b"\x01\x02\x03\x04"
_HANDSHAKE = (
    b"GET /live/%b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
)
_SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%b\r\n"
)


def raw_frame(opcode: int, payload: bytes = b"", *, mask: bool, final: bool = True, reserved: int = 0) -> bytes:
    """One frame of RFC 6455, section 5.2, also one that is not allowed."""
    head = bytes(((0x80 if final else 0) | reserved | opcode,))
    bit, size = 0x80 if mask else 0, len(payload)
    if size < 126:
        head += bytes((bit | size,))
    elif size < 65_536:
        head += bytes((bit | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((bit | 127,)) + size.to_bytes(8, "big")
    return head + (MASK + bytes(each ^ MASK[place % 4] for place, each in enumerate(payload)) if mask else payload)


@attrs.frozen
class Peer:
    """One end of a raw connection that has switched to WebSocket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; ``(-1, b"")`` where the connection has ended."""
        try:
            async with asyncio.timeout(10):
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                key = await self.reader.readexactly(4) if second & 0x80 else bytes(4)
                payload = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""
        assert first & 0x80, "the gateway sends every message in one frame"
        return first & 0x0F, bytes(each ^ key[place % 4] for place, each in enumerate(payload))

    async def closed_with(self) -> int:
        """The code of the closing frame that comes next."""
        opcode, payload = await self.frame()
        assert opcode == 8, (opcode, payload)
        return int.from_bytes(payload[:2], "big")


@contextlib.asynccontextmanager
async def handshake(served: Served, path: bytes = b"raw", fields: bytes = b"") -> AsyncIterator[Peer]:
    """A client that has been let in, whose frames a test writes itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write(_HANDSHAKE % (path, fields))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield Peer(reader, writer)
    finally:
        writer.close()


async def switched(conversation: Conversation, fields: bytes = b"") -> Peer:
    """The backend's end, once it has let a client in."""
    await conversation.request()
    await conversation.say(_SWITCHED % fields)
    return Peer(conversation.reader, conversation.writer)


@attrs.define
class Streams:
    """A backend: ``/echo`` is a WebSocket that says everything again, ``/events`` a stream of what ``say`` is given."""

    port: int = 0
    headers: list[dict[str, str]] = attrs.field(factory=list)
    """Of each request."""
    received: list[Any] = attrs.field(factory=list)
    """Messages that came over WebSockets."""
    close_codes: list[int | None] = attrs.field(factory=list)
    chunks: asyncio.Queue[bytes | None] = attrs.field(factory=asyncio.Queue)
    content_type: str = "text/event-stream; charset=utf-8"
    gone: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Whether a client of events has gone away before the end."""

    def say(self, *chunks: bytes | None) -> None:
        """Have ``/events`` send these chunks; None ends it."""
        for chunk in chunks:
            self.chunks.put_nowait(chunk)

    async def echo(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(max_msg_size=0, protocols=("chat",))
        await socket.prepare(request)
        async for message in socket:
            self.received.append(message.data)
            if message.data == "flood":
                for _ in range(3):
                    await socket.send_str("drop")
            elif isinstance(message.data, str):
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        self.close_codes.append(socket.close_code)
        return socket

    async def events(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        await response.prepare(request)
        try:
            while (chunk := await self.chunks.get()) is not None:
                await response.write(chunk)
        except (ConnectionError, asyncio.CancelledError):
            self.gone.set()
            raise
        return response


@contextlib.asynccontextmanager
async def streaming() -> AsyncIterator[Streams]:
    """A backend that serves until the block ends."""
    streams = Streams()
    application = web.Application()
    application.router.add_get("/echo", streams.echo)
    application.router.add_get("/events", streams.events)
    runner = web.AppRunner(application, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    streams.port = runner.addresses[0][1]
    try:
        yield streams
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def through(port: int, folder: Path, steps: str, *, rest: str = "", **plugins: Any) -> AsyncIterator[Served]:
    """A gateway whose API ``/live`` has these steps in its request flow, before a backend on ``port``."""
    text = f"""
management: {{enabled: false}}
{rest}
apis:
  - name: live
    context: /live
    endpoint: {{http: {{url: "http://127.0.0.1:{port}"}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    flows: {{request: [{steps}]}}
    operations: [{{match: "* /*"}}]
"""
    async with serving(text, folder, **plugins) as served:
        yield served


def watching(act: Callable[[Message], Any] = lambda message: None) -> tuple[type[Policy], list[Message]]:
    """A policy that keeps every message and does ``act`` to it, and where it keeps them."""
    seen: list[Message] = []

    @attrs.frozen
    class Watching(Policy):
        """Watches messages."""

        def on_message(self, exchange: Exchange, message: Message) -> Any:
            seen.append(message)
            return act(message)

    return Watching, seen
