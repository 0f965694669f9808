"""The sending half of a client connection: writing with back-pressure, clients that do not read, and closing."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from apim_sdk.errors import Fault

from apim_core.http.answer import answer_bytes, length_field
from apim_core.http.states import State

if TYPE_CHECKING:
    from apim_core.http.server import Server

__all__ = ["CLOSE", "ClientGone", "Sending"]

CLOSE = (b"Connection: close",)

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, for no time: closing then sends a reset."""


class ClientGone(ConnectionError):
    """The client has closed the connection, or was cut off."""

    def __init__(self) -> None:
        super().__init__("the client closed the connection")


class Sending(asyncio.Protocol):
    """What ``Connection`` sends with.

    ``full`` says that more is waiting to be sent than should be: ``await room()`` before writing on. ``deadline`` is
    the loop's time at which the sweeper calls ``expire``.
    """

    __slots__ = (
        "_buffer",
        "_paused",
        "_room",
        "_state",
        "_transport",
        "_unflushed",
        "deadline",
        "full",
        "gone",
        "server",
    )
    _transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server
        self.deadline = inf
        self.full = False
        self.gone = False
        self._room: asyncio.Future[None] | None = None
        self._state = State.HEAD
        self._buffer = b""
        self._paused = False
        self._unflushed = 0

    def write(self, data: bytes) -> None:
        """Send bytes. Raises ClientGone."""
        if self.gone:
            raise ClientGone
        self.flush()
        self._transport.write(data)

    def write_soon(self, data: bytes) -> None:
        """Send bytes when the loop has done what it has to do now. Raises ClientGone."""
        if self.gone:
            raise ClientGone
        waiting = self.server.waiting
        if not waiting:
            self.server.loop.call_soon(self.server.flush)
        waiting.append((self, data))

    def write_waiting(self, data: bytes) -> None:
        """What ``write_soon`` was given is sent now, if the client is there; what goes wrong is its own."""
        if self.gone:
            return
        try:
            self._transport.write(data)
        except Exception as error:
            self.server.loop.call_exception_handler(
                {"message": "an answer could not be written", "exception": error, "transport": self._transport}
            )
            self.reset()

    def flush(self) -> None:
        """Send what was to be sent soon."""
        if self.server.waiting:
            self.server.flush()

    def write_all(self, pieces: Sequence[bytes]) -> None:
        """Send pieces in one go, without copying them together. Raises ClientGone."""
        if self.gone:
            raise ClientGone
        self.flush()
        self._transport.writelines(pieces)

    async def room(self) -> None:
        """Wait until the client has taken enough. Raises ClientGone."""
        while self.full and not self.gone:
            self._room = self.server.loop.create_future()
            await self._room
        if self.gone:
            raise ClientGone

    def pause_writing(self) -> None:
        self.full = True
        self._expect_progress()

    def resume_writing(self) -> None:
        self.full = False
        self._wake()

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _expect_progress(self) -> None:
        self._unflushed = self._transport.get_write_buffer_size()
        self.deadline = self.server.time() + self.server.timeouts.write

    def _progressed(self) -> bool:
        """Whether the client took enough since progress was expected of it, or there is nothing for it to take."""
        waiting = self._transport.get_write_buffer_size()
        least = int(self.server.timeouts.write_rate * self.server.timeouts.write)
        return waiting == 0 or waiting < self._unflushed - least

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def reset(self) -> None:
        """Cut the connection by a TCP reset, so that no answer that is under way looks whole."""
        if not self.gone:
            self.flush()
            self.gone = True
            self._state = State.LINGER
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _close(self, *, unread: bool) -> None:
        """Close once everything is sent.

        What the client still sends is read and dropped for a while: closing with unread input would reset the
        connection and take the last answer with it (RFC 9112, section 9.6).
        """
        if self._state is State.LINGER or self._state is State.CLOSED:
            return
        self.flush()
        self._state = State.LINGER
        self._buffer = b""
        self._expect_progress()
        if not unread:
            self._transport.close()
            return
        if not self._unflushed:
            self.deadline = self.server.time() + self.server.timeouts.linger
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _refuse(self, fault: Fault) -> None:
        """Answer what cannot be served, and close: nothing behind it can be trusted to be a request."""
        server = self.server
        server.counters["refused"] += 1
        response = server.refuse(fault)
        data = response.body.data or b""
        framing = (length_field(len(data)), *CLOSE)
        self.flush()
        self._transport.write(answer_bytes(response, server.date, framing, data))
        self._close(unread=True)
