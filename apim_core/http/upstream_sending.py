"""The sending half of a connection to a backend, and the deadlines of the whole."""

from __future__ import annotations

import asyncio
from math import inf
from typing import cast

from apim_core.http.upstream_settings import UpstreamSettings

__all__ = ["BODY", "CLOSED", "HEAD", "IDLE", "NEVER", "TUNNEL", "UpstreamSending"]

IDLE, HEAD, BODY, TUNNEL, CLOSED = range(5)
"""The states of a connection: see ``upstream_connection``."""

NEVER = inf


class UpstreamSending(asyncio.Protocol):
    """What an ``UpstreamConnection`` sends with: writing with back-pressure, and moving the deadline as bytes move."""

    __slots__ = (
        "_idle_timeout",
        "_loop",
        "_settings",
        "_time",
        "_transport",
        "_writable",
        "address",
        "deadline",
        "host",
        "sender",
        "sending",
        "state",
        "total_deadline",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: UpstreamSettings) -> None:
        self._loop = loop
        self._time = loop.time
        self._settings = settings
        self._idle_timeout = float(settings.idle_timeout or NEVER)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._writable: asyncio.Future[None] | None = None
        self.state = IDLE
        self.host = ""
        """The address of the other end, in text."""
        self.address = "the backend"
        """The address and the port, for the operator."""
        self.deadline = NEVER
        """When (loop time) the present state has lasted too long."""
        self.total_deadline = NEVER
        """When (loop time) the exchange has."""
        self.sending = False
        """Whether part of the request is still to be sent; the sender sets it."""
        self.sender: asyncio.Task[None] | None = None
        """The task that sends the body of the request; it is cancelled when the connection closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._settings.high_water)
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self.host = name[0]
            self.address = f"{name[0]}:{name[1]}"

    def extend(self, seconds: float) -> None:
        """Something moved: the present state may last ``seconds`` more."""
        deadline = self._time() + seconds
        self.deadline = deadline if deadline < self.total_deadline else self.total_deadline

    def write(self, data: bytes) -> None:
        """Send more of the request, or of the tunnel."""
        self._transport.write(data)

    async def writable(self) -> None:
        """Return when there is room for more, or the connection is closed; until then the backend is to take some."""
        writable = self._writable
        if writable is not None:
            self.extend(self._idle_timeout)
            await writable

    def sent(self, more: bool, first_byte: float) -> None:
        """Part of the request is out; ``more`` is to come, or else the answer is due in ``first_byte`` seconds."""
        self.sending = more
        if self.state == HEAD:
            self.extend(NEVER if more else first_byte)
        elif self.state == BODY:
            self.extend(self._idle_timeout)

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._writable is None and self.state != CLOSED:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)
