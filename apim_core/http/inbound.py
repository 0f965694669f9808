"""The body of a request while it arrives: filled by the connection, emptied by whoever reads it."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from typing import Protocol

from apim_sdk.body import BodyError

__all__ = ["Feeder", "InboundBody"]


class Feeder(Protocol):
    """The connection, as the body sees it."""

    def body_wanted(self) -> None:
        """Somebody waits for the body: read on, and send 100 Continue if the client waits for that."""

    def body_dropped(self) -> None:
        """Nobody will read the rest."""


class InboundBody:
    """A Source (see ``apim_sdk.body``) that a connection feeds.

    The connection stops reading from its client while ``size`` is above the buffer's limit.
    """

    __slots__ = ("_chunks", "_dropped", "_ended", "_error", "_feeder", "_loop", "_waiter", "size")

    def __init__(self, feeder: Feeder, loop: AbstractEventLoop) -> None:
        self._feeder = feeder
        self._loop = loop
        self._chunks: list[bytes] = []
        self.size = 0
        self._ended = False
        self._dropped = False
        self._error: BodyError | None = None
        self._waiter: Future[None] | None = None

    def ready(self) -> bytes | None:
        """See Source."""
        if self._error is not None:
            raise self._error
        return self._take() if self._ended else None

    async def read(self) -> bytes:
        """See Source."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._feeder.body_wanted()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._take()
        if not self._ended:
            self._feeder.body_wanted()
        return data

    def close(self) -> None:
        """See Source."""
        self._dropped = True
        self._take()
        if not self._ended and self._error is None:
            self._feeder.body_dropped()

    def feed(self, chunk: bytes) -> None:
        """Add what arrived."""
        if not self._dropped:
            self._chunks.append(chunk)
            self.size += len(chunk)
            self._wake()

    def end(self) -> None:
        """Everything has arrived."""
        self._ended = True
        self._wake()

    def fail(self, error: BodyError) -> None:
        """The rest will not arrive; whoever reads gets the error once the buffered chunks are taken."""
        self._error = error
        self._wake()

    def _take(self) -> bytes:
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.size = 0
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
