"""Bound how long a call to the backend may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import attrs
from apim_sdk import BrokenBody, Context, Duration, Exchange, Policy, Reject, Response, Send, Source, errors, state

from apim_traffic.bounds import longer_than_nothing
from apim_traffic.deadlines import Deadlines, Late
from apim_traffic.upload import too_late, watch_upload

__all__ = ["Timeout"]

_optional_duration = attrs.validators.optional(longer_than_nothing)


@attrs.frozen
class Timeout(Policy):
    """Ends a call to the endpoint that takes too long: 504 with code 101504.

    The time counts from here, so what stands behind this step in the list (a queue, tries of `retry`, waits between
    them) is within it. The connection to the backend is closed and not used again. If it is the client that has not
    sent its request by then, it is 408. Where the head of the answer is on its way to the client already, all that can
    be done is to break the connection, so that nobody takes the answer for whole.
    """

    example: ClassVar[Any] = {"head": "2s", "total": "10s"}

    head: Duration | None = attrs.field(default=None, validator=_optional_duration)
    """Until the head of the answer is there."""
    total: Duration | None = attrs.field(default=None, validator=_optional_duration)
    """Until its last byte is there. It would end streams of events: give those operations another one."""
    _seconds: Duration = state()
    _within: Callable[[Awaitable[Response]], Awaitable[Response]] = state()
    _count: Callable[[str], None] = state()
    _time: Callable[[], float] = state()

    def __attrs_post_init__(self) -> None:
        bounds = [bound for bound in (self.head, self.total) if bound is not None]
        if not bounds:
            raise ValueError("say how long a call may take: `head`, `total` or both")
        self.hold(_seconds=min(bounds))

    async def start(self, context: Context) -> None:
        place = context.place
        count = context.metrics.counter(
            "apim_timeout_calls_ended_total", "Calls to backends that took too long", ("place", "part")
        )
        loop = asyncio.get_running_loop()
        self.hold(_count=lambda part: count(place, part), _within=Deadlines(self._seconds).within, _time=loop.time)

    async def around(self, exchange: Exchange, send: Send) -> Response:
        upload = watch_upload(exchange, self._time)
        started = 0.0 if self.total is None else self._time()
        try:
            response = await self._within(send(exchange))
        except Late:
            self._count("head")
            raise too_late(upload, f"no head of an answer within {self._seconds}") from None
        if self.total is not None:
            until = started + self.total
            response.body.wrap(lambda source: _Timed(source, until, self._late))
        return response

    def _late(self) -> BrokenBody:
        self._count("body")
        return BrokenBody(Reject(errors.ENDPOINT_TIMEOUT, detail=f"no whole answer within {self.total}"))


class _Timed:
    """A source that gives all it has ``until`` then (the loop's time), or breaks with what ``late`` makes."""

    __slots__ = ("_late", "_source", "_until")

    def __init__(self, source: Source, until: float, late: Callable[[], BrokenBody]) -> None:
        self._source = source
        self._until = until
        self._late = late

    def ready(self) -> bytes | None:
        return self._source.ready()

    async def read(self) -> bytes:
        if asyncio.get_running_loop().time() < self._until:
            try:
                async with asyncio.timeout_at(self._until) as timer:
                    return await self._source.read()
            except TimeoutError:
                if not timer.expired():
                    raise
        self.close()
        raise self._late()

    def close(self) -> None:
        self._source.close()
