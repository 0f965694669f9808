"""Bound how many requests a consumer may have under way at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Exchange, Policy, Reject, errors, state

from apim_traffic.bounds import positive
from apim_traffic.endpoint_key import key_named
from apim_traffic.gauges import show
from apim_traffic.slots import Slots, SlotTable

__all__ = ["ConcurrencyLimit"]


@attrs.frozen
class ConcurrencyLimit(Policy):
    """Lets at most `max_requests` requests with the same key be under way at once; one more is refused with 429, code
    900808 and `Retry-After`.

    A request is under way from here until its answer is all sent, or the client has left; so a WebSocket counts as long
    as it lasts. Nobody waits. Each process counts for itself.
    """

    example: ClassVar[Any] = {"max_requests": 10, "key": "application"}

    max_requests: int = attrs.field(validator=positive)
    """How many requests may be under way at once."""
    key: str = "subscription"
    """What is counted together: `api`, `operation`, `plan`, `application`, `subscription`, `ip` (of IPv6 the /64),
    `principal.subject`, `endpoint`, or a CEL expression such as `request.headers["x-tenant"]`. Where there is no
    application, subscription or subject, each client address counts by itself."""
    _key: Callable[[Exchange], Hashable] = state()
    _slots: Callable[[Hashable], Slots] = state()
    _count_refused: Callable[[], None] = state()

    def __attrs_post_init__(self) -> None:
        self.hold(_key=key_named(self.key))

    async def start(self, context: Context) -> None:
        place = context.place
        refused = context.metrics.counter(
            "apim_concurrency_limit_refused_total", "Requests over a limit of concurrency", ("place",)
        )
        # Not under the bound: what is under way when it changes still counts.
        table = await context.shared(("concurrency-limit", place, self.key), lambda: SlotTable(self.max_requests))
        table.bound(self.max_requests)
        show(context, "apim_concurrency_limit_requests", "Requests that are under way", table, attrgetter("used"))
        self.hold(_slots=table.of, _count_refused=lambda: refused(place))

    def on_request(self, exchange: Exchange) -> None:
        permit = self._slots(self._key(exchange)).take()
        if permit is None:
            self._count_refused()
            raise Reject(
                errors.CONCURRENCY_LIMIT_EXCEEDED,
                f"You may have {self.max_requests} requests under way at once",
                headers={"Retry-After": "1"},
            )
        exchange.defer(permit.release)
