"""Tell time that a client takes to send its request from time that the backend takes to answer it.

Without that, clients who send slowly could make a backend look slow, and have it closed to all others.
"""

from __future__ import annotations

from collections.abc import Callable

from apim_sdk import BodyError, Exchange, Reject, Source, errors

__all__ = ["Upload", "too_late", "watch_upload"]


class Upload:
    """A request's body on its way; ``waited`` is for how many seconds the client has been waited for."""

    __slots__ = ("_now", "_since", "_source", "_waited", "waiting")

    def __init__(self, source: Source, now: Callable[[], float]) -> None:
        self._source = source
        self._now = now
        self._since = 0.0
        self._waited = 0.0
        self.waiting = False
        """Whether the client is waited for now, or was when it ended."""

    @property
    def waited(self) -> float:
        """Seconds, up to now."""
        return self._waited + (self._now() - self._since if self.waiting else 0.0)

    def ready(self) -> bytes | None:
        """See ``Source``."""
        return self._source.ready()

    async def read(self) -> bytes:
        """See ``Source``."""
        self._since = self._now()
        self.waiting = True  # and stays so where this is cancelled, or breaks
        chunk = await self._source.read()
        self._waited = self.waited
        self.waiting = False
        return chunk

    def close(self) -> None:
        """See ``Source``."""
        self._source.close()


def watch_upload(exchange: Exchange, now: Callable[[], float]) -> Upload | None:
    """What there is to know of a body that is still to arrive; None if there is none."""
    body = exchange.request.body
    try:
        if body.data is not None:
            return None
    except BodyError:
        return None  # whoever sends it on will find out
    watched: list[Upload] = []

    def around(source: Source) -> Source:
        watched.append(Upload(source, now))
        return watched[0]

    body.wrap(around)
    return watched[0] if watched else None


def too_late(upload: Upload | None, detail: str) -> Reject:
    """What a call ends with that took too long: 408 where its client has not sent the request by then, else 504."""
    if upload is not None and upload.waiting:
        return Reject(errors.REQUEST_TIMEOUT)
    return Reject(errors.ENDPOINT_TIMEOUT, detail=detail)
