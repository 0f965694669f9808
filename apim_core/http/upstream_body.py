"""The body of an answer while it is still arriving from the backend."""

from __future__ import annotations

import asyncio
from typing import Protocol

from apim_sdk.body import BodyError

__all__ = ["AnswerBody", "Feeder"]


class Feeder(Protocol):
    """The connection that a body arrives on, as far as the body knows it."""

    def resume(self) -> None:
        """The reader has caught up: read on."""

    def abandon(self) -> None:
        """Nobody wants the rest: close."""


class AnswerBody:
    """A ``Source`` that a connection fills.

    The connection appends to ``chunks`` and then calls ``arrived``; at the end, or when the stream breaks, it calls
    ``end`` and is forgotten here, so that it can serve another exchange while the rest is still being read. What
    had arrived before a break is still read, then BodyError is raised: a broken body never looks whole.
    """

    __slots__ = ("_chunks", "_error", "_feeder", "_loop", "_waiter", "held", "paused")

    def __init__(self, loop: asyncio.AbstractEventLoop, feeder: Feeder, chunks: list[bytes]) -> None:
        self._loop = loop
        self._feeder: Feeder | None = feeder
        self._chunks = chunks
        self._error: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.held = sum(map(len, chunks))
        """Bytes that wait to be read (framing included, so never too few); the connection adds to it."""
        self.paused = False
        """Whether the connection has stopped reading because too much is held; the connection sets it."""

    def arrived(self) -> None:
        """There is more in ``chunks``."""
        if self._chunks:
            self._wake()

    def end(self, error: str | None = None) -> None:
        """No more will come: the body is whole, or ``error`` says why it never will be."""
        self._feeder = None
        self._error = error
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def ready(self) -> bytes | None:
        """See ``apim_sdk.body.Source``."""
        if self._feeder is not None:
            return None
        if self._error is not None:
            raise BodyError(self._error)
        return self._take()

    async def read(self) -> bytes:
        """See ``apim_sdk.body.Source``: everything that has arrived since the last call, in one piece."""
        while not self._chunks:
            if self._feeder is None:
                if self._error is not None:
                    raise BodyError(self._error)
                return b""
            if self._waiter is not None:
                raise RuntimeError("two parties read one body: read() it whole first if both need it")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._take()
        if self.paused:
            self.paused = False
            if self._feeder is not None:
                self._feeder.resume()
        return data

    def _take(self) -> bytes:
        chunks = self._chunks
        data = b"".join(chunks)
        chunks.clear()
        self.held = 0
        return data

    def close(self) -> None:
        """See ``apim_sdk.body.Source``: the connection is closed unless the body is whole already."""
        feeder = self._feeder
        if feeder is not None:
            self.end("the body was closed before its end")
            feeder.abandon()
        self._chunks.clear()
