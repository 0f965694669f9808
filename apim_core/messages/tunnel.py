"""A tunnel of WebSocket whose messages policies see: a ``Tunnel`` (apim_sdk.messages) around that of the endpoint.

Whoever relays writes bytes of the client to it and reads those for the client from it, as without policies. A message
goes on as soon as it is whole, in one frame; pings, pongs and closing frames pass between fragments as they came. The
two directions run in tasks of their own: the relay's for messages to the backend, and one here for those to the client.
"""

from __future__ import annotations

import asyncio
import contextlib

from apim_sdk.body import BodyError
from apim_sdk.errors import Fault
from apim_sdk.messages import Tunnel
from apim_sdk.streams import Close, Direction, Drop, Message

from apim_core.messages.frames import BINARY, CLOSE, TEXT, Frame, FrameReader, ProtocolError, frame
from apim_core.messages.judging import Judges
from apim_core.steps import PluginFault

__all__ = ["MessageTunnel"]

_GOING_AWAY = 1001
_FAILURE = 1011
_MOST_HELD = 64 * 1024
"""Bytes for the client that wait to be read; beyond it nobody adds more before they are."""
_CODES = {400: 4005, 401: 4001, 403: 4002, 429: 4003}
"""By the status of a Reject, the code by which clients of WSO2 API Manager know a refused message; 4004 for others."""
_THROTTLED = 4003


class MessageTunnel:
    """See the module. ``limit`` bounds a message, in bytes."""

    __slots__ = (
        "_backend_closed",
        "_client_closed",
        "_error",
        "_from_backend",
        "_from_client",
        "_held",
        "_judges",
        "_out",
        "_over",
        "_pump",
        "_reader",
        "_room",
        "_tunnel",
    )

    def __init__(self, tunnel: Tunnel, judges: Judges, limit: int) -> None:
        self._tunnel = tunnel
        self._judges = judges
        self._from_client = FrameReader("client", limit)
        self._from_backend = FrameReader("server", limit)
        self._client_closed = self._backend_closed = False
        """Whether the closing frame of that side has come, or stands in for it: no data goes on behind it."""
        self._over = False
        self._error: Exception | None = None
        self._out: list[bytes] = []
        self._held = 0
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None

    # The side of the relay

    async def read(self) -> bytes:
        """See ``Tunnel``."""
        if self._pump is None and not self._over:
            self._pump = asyncio.get_running_loop().create_task(self._take_from_backend(), name="messages to a client")
        while not self._out:
            if self._error is not None:
                raise self._error
            if self._over:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = b"".join(self._out)
        self._out.clear()
        self._held = 0
        _wake(self._room)
        return data

    async def write(self, data: bytes) -> None:
        """See ``Tunnel``."""
        if self._client_closed:
            return
        try:
            for each in self._from_client.read(data):
                await self._to_backend(each)
                if self._client_closed:
                    return
        except ProtocolError as error:
            await self._end((error.code, error.reason), (_GOING_AWAY, "the client broke the protocol"))
        except OSError:
            self._client_closed = True  # the backend has gone: what it still said is read, then the end

    def close(self) -> None:
        """See ``Tunnel``."""
        if self._pump is not None:
            self._pump.cancel()
        self._finish()
        self._tunnel.close()

    # The two directions

    async def _to_backend(self, each: Frame) -> None:
        if each.opcode not in (TEXT, BINARY):
            assert each.raw is not None, "a control frame comes in one piece"
            await self._tunnel.write(each.raw)
            if each.opcode == CLOSE:
                self._client_closed = True
                if self._backend_closed:
                    self._finish()
            return
        passed = await self._judge(each, "to_backend")
        if passed:
            await self._tunnel.write(passed)

    async def _take_from_backend(self) -> None:
        try:
            while data := await self._tunnel.read():
                for each in self._from_backend.read(data):
                    await self._to_client(each)
                    if self._backend_closed:
                        break
                if self._over:
                    return
        except ProtocolError as error:
            await self._end((_FAILURE, "the backend broke the protocol"), (error.code, error.reason))
        except (BodyError, OSError) as error:
            self._error = error
        except Exception as error:
            self._judges.on_failure("messages to a client", error)
            self._error = error
        self._finish()

    async def _to_client(self, each: Frame) -> None:
        if each.opcode not in (TEXT, BINARY):
            assert each.raw is not None, "a control frame comes in one piece"
            self._send(each.raw)
            if each.opcode == CLOSE:
                self._backend_closed = True
                if self._client_closed:
                    self._finish()
        elif passed := await self._judge(each, "to_client"):
            self._send(passed)
        await self._until_there_is_room()

    async def _judge(self, each: Frame, direction: Direction) -> bytes:
        """The frame of the message as it goes on; nothing if it does not."""
        message = Message(direction, "text" if each.opcode == TEXT else "binary", each.payload)
        try:
            await self._judges.judge(message)
            return self._passed(message, self._frame_of(message, each))
        except Drop:
            return b""
        except Close as end:
            await self._end((end.code, end.reason), (end.code, end.reason))
        except PluginFault:
            await self._end((_FAILURE, "a policy failed"), (_FAILURE, "a policy failed"))
        except Fault as fault:
            if not self._backend_closed:
                self._send(frame(TEXT, _refusal(fault)))
                if direction == "to_backend":
                    await self._until_there_is_room()
        return b""

    def _passed(self, message: Message, raw: bytes) -> bytes:
        if raw:
            self._judges.passed(message)
        return raw

    def _frame_of(self, message: Message, each: Frame) -> bytes:
        """The bytes that a frame came as where nothing was changed, else a new frame. Raises PluginFault."""
        closed = self._client_closed if message.direction == "to_backend" else self._backend_closed
        if closed:
            return b""  # the stream ended while a policy waited
        opcode = TEXT if message.kind == "text" else BINARY
        if each.raw is not None and opcode == each.opcode and message.data is each.payload:
            return each.raw
        if opcode == TEXT:
            try:
                message.data.decode()
            except UnicodeDecodeError as error:
                raise self._judges.fault(error, "text message") from error
        return frame(opcode, message.data, mask=message.direction == "to_backend")

    # To the client

    def _send(self, data: bytes) -> None:
        self._out.append(data)
        self._held += len(data)
        _wake(self._reader)

    async def _until_there_is_room(self) -> None:
        while self._held > _MOST_HELD and not self._over:
            if self._room is None or self._room.done():
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)  # the other direction may wait for it, too

    async def _end(self, client: tuple[int, str], backend: tuple[int, str]) -> None:
        """Close both sides, each with a code and a reason, where they are not closed yet."""
        client_closed, backend_closed = self._client_closed, self._backend_closed
        self._client_closed = self._backend_closed = True
        if not backend_closed:
            self._send(_closing(*client))
        self._finish()
        if not client_closed:
            with contextlib.suppress(OSError):  # it has gone away before it could be told
                await self._tunnel.write(_closing(*backend, mask=True))

    def _finish(self) -> None:
        """Nothing more comes for the client than what waits."""
        self._over = True
        _wake(self._reader)
        _wake(self._room)


def _closing(code: int, reason: str, *, mask: bool = False) -> bytes:
    return frame(CLOSE, code.to_bytes(2) + reason.encode(), mask=mask)


def _refusal(fault: Fault) -> bytes:
    """The text that tells a client that a message was refused."""
    code = _CODES.get(fault.status, 4004)
    reason = "Websocket frame throttled out" if code == _THROTTLED else fault.description or fault.kind.message
    return f"Error code: {code} reason: {reason}".encode()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
