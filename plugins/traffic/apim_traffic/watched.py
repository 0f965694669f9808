"""Know when a body that arrives is over."""

from __future__ import annotations

from collections.abc import Callable

from apim_sdk import BodyError, Response, Source

__all__ = ["Watched", "when_over"]


class Watched:
    """A source that tells, once or more, that another one has ended, broken or been closed."""

    __slots__ = ("_over", "_source")

    def __init__(self, source: Source, over: Callable[[], None]) -> None:
        self._source = source
        self._over = over

    def ready(self) -> bytes | None:
        """See ``Source``."""
        try:
            data = self._source.ready()
        except BaseException:
            self._over()
            raise
        if data is not None:
            self._over()
        return data

    async def read(self) -> bytes:
        """See ``Source``."""
        try:
            chunk = await self._source.read()
        except BaseException:
            self._over()
            raise
        if not chunk:
            self._over()
        return chunk

    def close(self) -> None:
        """See ``Source``."""
        self._source.close()
        self._over()


def when_over(response: Response, over: Callable[[], None]) -> bool:
    """Have ``over`` called when the backend has given its whole answer; False, and no call, if it has already.

    What is never read to its end nor closed does not tell: use ``exchange.defer`` beside it.
    """
    if response.tunnel is None:
        try:
            if response.body.data is not None:
                return False
        except BodyError:
            return False  # whoever reads it will find out
        response.body.wrap(lambda source: Watched(source, over))
    return True
