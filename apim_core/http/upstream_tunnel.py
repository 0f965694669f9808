"""The backend's side of a connection that has changed its protocol (RFC 9110, section 7.8)."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Carrier", "UpstreamTunnel"]


class Carrier(Protocol):
    """The connection under a tunnel."""

    def write(self, data: bytes) -> None:
        """Send."""

    async def writable(self) -> None:
        """Return when there is room for more."""

    def hold(self, held: int) -> bool:
        """Stop reading if ``held`` bytes are too many; whether it did."""

    def resume(self) -> None:
        """Read on."""

    def extend(self, seconds: float) -> None:
        """Last ``seconds`` more."""

    def finish(self) -> None:
        """Close when everything written has gone out."""


class UpstreamTunnel:
    """A ``Tunnel`` (apim_sdk.messages) over an upstream connection; one party reads."""

    __slots__ = ("_carrier", "_chunks", "_held", "_loop", "_open", "_paused", "_timeout", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, carrier: Carrier, timeout: float, rest: bytes) -> None:
        self._loop = loop
        self._carrier = carrier
        self._chunks = [rest] if rest else []
        self._held = len(rest)
        self._open = True
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._timeout = timeout
        carrier.extend(timeout)

    def feed(self, data: bytes) -> None:
        """Bytes from the backend."""
        self._chunks.append(data)
        self._held += len(data)
        self._carrier.extend(self._timeout)
        self._paused = self._paused or self._carrier.hold(self._held)
        self._wake()

    def end(self) -> None:
        """The backend has closed its side."""
        self._open = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self) -> bytes:
        """See ``Tunnel``."""
        while not self._chunks:
            if not self._open:
                return b""
            if self._waiter is not None:
                raise RuntimeError("two parties read one tunnel")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._held = 0
        if self._paused:
            self._paused = False
            if self._open:
                self._carrier.resume()
            self._carrier.extend(self._timeout)
        return data

    async def write(self, data: bytes) -> None:
        """See ``Tunnel``. Raises ConnectionResetError when the backend is gone."""
        if not self._open:
            raise ConnectionResetError("the backend has closed the tunnel")
        self._carrier.write(data)
        await self._carrier.writable()
        self._carrier.extend(self._timeout)

    def close(self) -> None:
        """See ``Tunnel``."""
        self._open = False
        self._wake()
        self._carrier.finish()
