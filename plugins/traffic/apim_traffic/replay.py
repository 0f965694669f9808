"""Hold a request's body, if it is small enough, so that it can be sent again."""

from __future__ import annotations

from apim_sdk import Body, Source

__all__ = ["hold"]


class _Held:
    """A source of which the beginning has been read already."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks: list[bytes] = []
        self._ended = False

    async def fill(self, most: int) -> bool:
        """Read up to ``most`` bytes; whether that was all."""
        size = 0
        while size <= most:
            chunk = await self._source.read()
            if not chunk:
                self._ended = True
                return True
            size += len(chunk)
            self._chunks.append(chunk)
        return False

    def ready(self) -> bytes | None:
        rest = b"" if self._ended else self._source.ready()
        if rest is None:
            return None
        data = b"".join((*self._chunks, rest))
        self._chunks.clear()
        return data

    async def read(self) -> bytes:
        if self._chunks:
            return self._chunks.pop(0)
        return b"" if self._ended else await self._source.read()

    def close(self) -> None:
        self._chunks.clear()
        self._source.close()


async def hold(body: Body, most: int) -> bool:
    """Whether the whole content is held now, at most ``most`` bytes of it; if not, it still comes as it would have.

    Raises BodyError where the stream broke.
    """
    data = body.data
    if data is not None:
        return True
    if body.length is not None and body.length > most:
        return False
    held: list[_Held] = []

    def around(source: Source) -> Source:
        held.append(_Held(source))
        return held[0]

    body.wrap(around)
    return bool(held) and await held[0].fill(most) and body.data is not None
