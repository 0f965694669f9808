"""Count requests and time them, for Prometheus to fetch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Context, MessageTotals, Record, Sink, state

__all__ = ["Prometheus"]

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OTHER: Final = "other"

_Place = tuple[str, str, str]
"""API, version and operation: what every metric is told apart by."""


def _ascending(instance: Any, attribute: attrs.Attribute[Any], value: tuple[float, ...]) -> None:
    if not value or any(low >= high for low, high in zip((0.0, *value), value, strict=False)):
        raise ValueError("buckets are upper bounds in seconds: above zero, each above the one before")


@attrs.frozen
class Prometheus(Sink):
    """Counts requests and times them, on the `/metrics` page of the management port.

    `apim_requests_total` has the labels `api`, `version`, `operation`, `plan`, `status` (`2xx` ...) and `error` (its
    key), `apim_request_duration_seconds` the first three. What is not known is an empty label. Messages of streams that
    policies saw are counted when the stream is over: `apim_stream_messages_total` by the first three and `outcome`
    (`received`, `sent`, `refused`, `dropped`), `apim_streams_closed_by_policy_total` by the first three.
    """

    example: ClassVar[Any] = {"buckets": [0.01, 0.1, 1.0, 10.0]}

    buckets: tuple[float, ...] = attrs.field(default=_BUCKETS, validator=_ascending)
    """Upper bounds of the duration's buckets, in seconds; they change only when the process starts anew."""
    max_operations: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """How many operations are told apart; those that come later are counted together as the operation `other`."""
    _count: Callable[..., None] = state()
    _observe: Callable[..., None] = state()
    _messages: Callable[..., None] = state()
    _closed: Callable[..., None] = state()
    _places: set[_Place] = state()

    async def start(self, context: Context) -> None:
        metrics = context.metrics
        place = ("api", "version", "operation")
        self.hold(
            _count=metrics.counter("apim_requests_total", "Requests", (*place, "plan", "status", "error")),
            _observe=metrics.histogram(
                "apim_request_duration_seconds",
                "Time from the first byte of a request to the last of its answer",
                place,
                buckets=self.buckets,
            ),
            _messages=metrics.counter(
                "apim_stream_messages_total", "Messages of streams that are over", (*place, "outcome")
            ),
            _closed=metrics.counter("apim_streams_closed_by_policy_total", "Streams that a policy has ended", place),
            # Metrics outlive a configuration, so what bounds them must as well.
            _places=await context.shared("prometheus places", set[_Place]),
        )

    async def write(self, batch: Sequence[Record]) -> None:
        counts: Counter[tuple[str, ...]] = Counter()
        for record in batch:
            place = self._place(record)
            counts[*place, record.plan or "", f"{record.status // 100}xx", record.error_key or ""] += 1
            self._observe(record.duration, *place)
            if record.messages is not None:
                self._count_messages(place, record.messages)
        for labels, amount in counts.items():
            self._count(*labels, amount=amount)

    def _count_messages(self, place: _Place, totals: MessageTotals) -> None:
        for outcome in ("received", "sent", "refused", "dropped"):
            if amount := getattr(totals, outcome):
                self._messages(*place, outcome, amount=amount)
        if totals.closed_by is not None:
            self._closed(*place)

    def _place(self, record: Record) -> _Place:
        place = (record.api or "", record.version or "", record.operation or "")
        if place not in self._places:
            if len(self._places) >= self.max_operations:
                return place[0], place[1], _OTHER
            self._places.add(place)
        return place
