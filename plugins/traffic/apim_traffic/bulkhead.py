"""Bound how many calls to a backend are under way at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Context, Duration, Exchange, Policy, Reject, Response, Send, errors, state

from apim_traffic.bounds import longer_than_nothing, positive
from apim_traffic.endpoint_key import ENDPOINT, described, key_named
from apim_traffic.gauges import show
from apim_traffic.seldom import Seldom
from apim_traffic.slots import Permit, Slots, SlotTable
from apim_traffic.watched import when_over

__all__ = ["Bulkhead"]


@attrs.frozen
class Bulkhead(Policy):
    """Lets at most `max_calls` calls to an endpoint be under way at once, so that one slow backend cannot take up the
    whole gateway.

    A call that finds no room waits in line with up to `queue_size` others, for up to `queue_timeout`; first come, first
    served. One that gets no room is answered with 503, code 303002 and `Retry-After`. A call is under way until the
    backend has given its whole answer, or the client has left. Each process counts for itself.
    """

    example: ClassVar[Any] = {"max_calls": 50, "queue_size": 100, "queue_timeout": "500ms"}

    max_calls: int = attrs.field(validator=positive)
    """How many calls may be under way at once."""
    queue_size: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """How many more may wait for room."""
    queue_timeout: Duration = attrs.field(default=Duration("1s"), validator=longer_than_nothing)
    """How long one may wait."""
    key: str = ENDPOINT
    """What has room of its own: `endpoint` (of each API; its sandbox and an operation's own endpoint apart), `api`,
    `operation`, `plan`, `application`, `subscription`, or a CEL expression such as `path.region`."""
    _key: Callable[[Exchange], Hashable] = state()
    _slots: Callable[[Hashable], Slots] = state()
    _count_refused: Callable[[str], None] = state()
    _count_queued: Callable[[], None] = state()
    _told: Seldom = state()

    def __attrs_post_init__(self) -> None:
        self.hold(_key=key_named(self.key))

    async def start(self, context: Context) -> None:
        place = context.place
        counter = context.metrics.counter
        refused = counter(
            "apim_bulkhead_refused_total", "Calls without room: the queue was full, or too slow", ("place", "reason")
        )
        queued = counter("apim_bulkhead_queued_total", "Calls that waited for room", ("place",))
        # Not under the bounds: what is under way when they change still counts.
        table = await context.shared(("bulkhead", place, self.key), lambda: SlotTable(self.max_calls))
        table.bound(self.max_calls)
        show(context, "apim_bulkhead_calls", "Calls that are under way", table, attrgetter("used"))
        self.hold(
            _slots=table.of,
            _count_refused=lambda reason: refused(place, reason),
            _count_queued=lambda: queued(place),
            _told=Seldom(context.log, context.clock.monotonic, "a bulkhead is full"),
        )

    async def around(self, exchange: Exchange, send: Send) -> Response:
        key = self._key(exchange)
        slots = self._slots(key)
        permit = slots.take() or await self._wait(slots, key)
        release = permit.release
        try:
            response = await send(exchange)
            if when_over(response, release):
                exchange.defer(release)
            else:
                release()
        except BaseException:
            release()
            raise
        return response

    async def _wait(self, slots: Slots, key: Hashable) -> Permit:
        if len(slots.waiting) >= self.queue_size:
            raise self._refusal(key, "full")
        self._count_queued()
        try:
            return await slots.wait(self.queue_timeout)
        except TimeoutError:
            raise self._refusal(key, "late") from None

    def _refusal(self, key: Hashable, reason: Literal["full", "late"]) -> Reject:
        self._count_refused(reason)
        self._told.tell(key=described(key, self.key), max_calls=self.max_calls, reason=reason)
        return Reject(errors.ENDPOINT_FULL, headers={"Retry-After": "1"})
