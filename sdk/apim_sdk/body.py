"""A body: bytes that are all there, or a stream that is still arriving.

Most bodies are small and come whole with their head; for those ``data`` is the content and nothing ever waits.
A stream is taken once, by whoever reads it first: the endpoint as it sends it on, or a policy that buffers it
with ``read`` (and so puts it back as content that is all there).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apim_sdk.errors import Fault

__all__ = ["Body", "BodyError", "BodyTooLarge", "BrokenBody", "Source"]


class BodyError(Exception):
    """The stream ended before the body did: the peer reset, timed out or broke the framing."""


class BodyTooLarge(BodyError):
    """The body is longer than the limit (bytes) that was set for it."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")
        self.limit = limit


class BrokenBody(BodyError):
    """The stream broke, and ``fault`` is what to answer: 400 for bad framing, 408 for a slow client, 504 for a slow
    backend."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Source(Protocol):
    """Where the bytes of a stream come from: a connection, a generator, a fake in a test."""

    def ready(self) -> bytes | None:
        """Everything not read yet, if the end is already here; None while more may come.

        Ends the stream when it answers bytes; raises BodyError as ``read`` does.
        """

    async def read(self) -> bytes:
        """The next chunk, at least one byte long; ``b""`` at the end. Raises BodyError if the stream broke."""

    def close(self) -> None:
        """Nobody will read the rest."""


class _Iterated:
    """A source out of an asynchronous iterator of chunks."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def ready(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return chunk
        return b""

    def close(self) -> None:
        self._chunks = _nothing()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


class _Mapped:
    """A source whose chunks another source gives and a function changes."""

    def __init__(self, source: Source, change: Callable[[bytes], bytes], flush: Callable[[], bytes]) -> None:
        self._source = source
        self._change = change
        self._flush: Callable[[], bytes] | None = flush

    def ready(self) -> bytes | None:
        if self._flush is None:
            return b""
        data = self._source.ready()
        if data is None:
            return None
        return (self._change(data) if data else b"") + self._end()

    async def read(self) -> bytes:
        while self._flush is not None:
            chunk = await self._source.read()
            out = self._change(chunk) if chunk else self._end()
            if out:
                return out
        return b""

    def _end(self) -> bytes:
        flush, self._flush = self._flush, None
        return flush() if flush is not None else b""

    def close(self) -> None:
        self._source.close()


class Body:
    """The content of a message.

    ``length`` is its size in bytes, None while that is not known. ``limit`` is how many bytes ``read`` may buffer
    (None: no bound); the gateway sets it from the configuration.
    """

    __slots__ = ("_data", "_source", "_taken", "length", "limit")

    def __init__(self, data: bytes = b"") -> None:
        self._data: bytes | None = data
        self._source: Source | None = None
        self._taken = False
        self.length: int | None = len(data)
        self.limit: int | None = None

    @classmethod
    def arrived(cls, data: bytes) -> Body:
        """A body that is all there: the same, but quicker made."""
        body = cls.__new__(cls)
        body._data = data
        body._source = None
        body._taken = False
        body.length = len(data)
        body.limit = None
        return body

    @classmethod
    def arriving(cls, source: Source, length: int | None = None) -> Body:
        """A body that comes from ``source``; ``length`` bytes of it, if that is known beforehand."""
        body = cls.__new__(cls)
        body._data = None
        body._source = source
        body._taken = False
        body.length = length
        body.limit = None
        return body

    @classmethod
    def stream(cls, chunks: AsyncIterator[bytes], length: int | None = None) -> Body:
        """A body out of an asynchronous iterator of chunks."""
        return cls.arriving(_Iterated(chunks), length)

    @property
    def data(self) -> bytes | None:
        """The whole content if it is there without waiting, else None. Raises BodyError if the stream broke."""
        data = self._data
        if data is None and self._source is not None and not self._taken:
            data = self._source.ready()
            if data is not None:
                self._keep(data)
        return data

    async def read(self, limit: int | None = None) -> bytes:
        """Buffer the whole content, and keep it for whoever comes after.

        Raises BodyTooLarge past ``limit`` bytes (default: the limit of the body), BodyError if the stream broke.
        """
        limit = self.limit if limit is None else limit
        data = self.data
        if data is None:
            if limit is not None and self.length is not None and self.length > limit:
                raise BodyTooLarge(limit)
            chunks: list[bytes] = []
            size = 0
            async for chunk in self:
                size += len(chunk)
                if limit is not None and size > limit:
                    self.close()
                    raise BodyTooLarge(limit)
                chunks.append(chunk)
            data = b"".join(chunks)
            self._keep(data)
        if limit is not None and len(data) > limit:
            raise BodyTooLarge(limit)
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The content chunk by chunk; a stream can be iterated once."""
        data = self.data
        if data is not None:
            if data:
                yield data
            return
        source = self._source
        if source is None or self._taken:
            raise RuntimeError("the body was already taken: read() it first if two parties need it")
        self._taken = True
        try:
            while chunk := await source.read():
                yield chunk
        except BaseException:
            source.close()
            raise
        self._source = None

    def replace(self, data: bytes) -> None:
        """Put ``data`` in the place of the content; what was still arriving is dropped."""
        self.close()
        self._keep(data)

    def map(self, change: Callable[[bytes], bytes], flush: Callable[[], bytes] = bytes) -> None:
        """Send the content through ``change``, chunk by chunk; ``flush`` gives what is left at the end.

        Chunks come in any size, so the result must not depend on where they were split.
        """
        if self._data is not None:
            data = self._data
            self._keep((change(data) if data else b"") + flush())
        elif self._source is not None and not self._taken:
            self._source = _Mapped(self._source, change, flush)
            self.length = None

    def wrap(self, around: Callable[[Source], Source]) -> None:
        """Have what is still to arrive come through another source, such as one that watches for the end or bounds the
        time; its bytes must be the same. Nothing happens to content that is all there.
        """
        if self._data is None and self._source is not None and not self._taken:
            self._source = around(self._source)

    def close(self) -> None:
        """Drop what has not been read, also by somebody who reads chunk by chunk and has stopped."""
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _keep(self, data: bytes) -> None:
        self._data = data
        self._source = None
        self.length = len(data)

    def __repr__(self) -> str:
        state = "arriving" if self._data is None else "whole"
        return f"<Body {state} length={self.length}>"
