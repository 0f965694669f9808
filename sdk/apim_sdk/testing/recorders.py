"""Fakes of clock, log and metrics: a test sets the first and reads the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from apim_sdk.context import NO_LABELS

__all__ = ["FakeClock", "FakeLog", "FakeMetrics", "Line"]


@attrs.define
class FakeClock:
    """A clock that stands still until it is moved."""

    epoch: float = 1_700_000_000.0
    """Seconds since the epoch: 14 November 2023, 22:13:20 UTC, unless set."""
    uptime: float = 1_000.0
    """Seconds of the monotonic clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.epoch

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return self.uptime

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.epoch += seconds
        self.uptime += seconds


@attrs.frozen
class Line:
    """One line of the log."""

    level: str
    event: str
    facts: dict[str, Any]


@attrs.define
class FakeLog:
    """A log that keeps its lines."""

    lines: list[Line] = attrs.field(factory=list)

    def debug(self, event: str, **facts: Any) -> None:
        """Keep a line for developers."""
        self.lines.append(Line("debug", event, facts))

    def info(self, event: str, **facts: Any) -> None:
        """Keep a line that tells what happened."""
        self.lines.append(Line("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        """Keep a line that somebody should look into."""
        self.lines.append(Line("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        """Keep a line that tells what failed."""
        self.lines.append(Line("error", event, facts))


@attrs.define
class FakeMetrics:
    """Metrics that keep their numbers, by name and label values: ``counters["hits", "gold"]``."""

    counters: dict[tuple[str, ...], float] = attrs.field(factory=dict)
    observations: dict[tuple[str, ...], list[float]] = attrs.field(factory=dict)
    gauges: dict[str | tuple[str, ...], Callable[[], float | None]] = attrs.field(factory=dict)

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Callable[..., None]:
        """A counter; the same name adds up. Calling it with the wrong number of labels raises TypeError."""

        def count(*values: str, amount: float = 1) -> None:
            key = _key(name, labels, values)
            self.counters[key] = self.counters.get(key, 0) + amount

        return count

    def histogram(
        self, name: str, description: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
    ) -> Callable[..., None]:
        """A histogram that keeps every value."""

        def observe(value: float, *values: str) -> None:
            self.observations.setdefault(_key(name, labels, values), []).append(value)

        return observe

    def gauge(
        self, name: str, description: str, read: Callable[[], float | None], labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """Keep the function that reads the value: ``gauges["level"]``, or with labels ``gauges["level", "gold"]``."""
        self.gauges[(name, *labels.values()) if labels else name] = read


def _key(name: str, labels: Sequence[str], values: tuple[str, ...]) -> tuple[str, ...]:
    if len(labels) != len(values):
        raise TypeError(f"{name} takes {len(labels)} label values ({', '.join(labels)}), got {len(values)}")
    return (name, *values)
