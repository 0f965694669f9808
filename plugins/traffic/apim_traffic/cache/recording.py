"""A body that is kept while it passes through to the client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from apim_sdk import Body

from apim_traffic.cache.flights import Landing

__all__ = ["recorded"]


Finish = Callable[[bytes | Landing], None]


def recorded(body: Body, limit: int, finish: Finish) -> Body:
    """The same body; ``finish`` is told once what was in it, or how it ended without that: too long, or broken."""
    copy = Body.arriving(_Recording(body, limit, finish), body.length)
    copy.limit = body.limit
    return copy


class _Recording:
    """A ``Source`` that remembers what another body gives, up to a limit in bytes."""

    def __init__(self, body: Body, limit: int, finish: Finish) -> None:
        self._body = body
        self._chunks: AsyncIterator[bytes] = aiter(body)
        self._left = limit
        self._seen: list[bytes] = []
        self._finish: Finish | None = finish

    def ready(self) -> bytes | None:
        try:
            data = None if self._seen else self._body.data
        except BaseException:
            self._end(Landing.BROKEN)
            raise
        if data is not None:
            self._end(data if len(data) <= self._left else Landing.NOT_KEPT)
        return data

    async def read(self) -> bytes:
        try:
            async for chunk in self._chunks:
                self._left -= len(chunk)
                if self._left < 0:
                    self._end(Landing.NOT_KEPT)
                elif self._finish is not None:
                    self._seen.append(chunk)
                return chunk
        except BaseException:
            self._end(Landing.BROKEN)
            raise
        self._end(b"".join(self._seen))
        return b""

    def close(self) -> None:
        self._end(Landing.BROKEN)
        self._body.close()

    def _end(self, data: bytes | Landing) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(data)
            self._seen = []
