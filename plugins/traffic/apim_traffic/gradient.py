"""A limit of concurrency that follows what a backend can take, by the time that its answers need.

While a backend has room, its answers take as long as its work does. Once it is full, calls wait within it, and the same
work takes longer. So the limit goes by a gradient: how long answers take when there is little to do, by how long they
take now. It is under 1 where calls wait, and shrinks the limit; where they do not, the limit grows by its square root,
which is also the room for bursts. A limit that is not used does not grow.

How long answers take when there is little to do is measured again now and then, since a backend changes: for that the
limit is halved for a moment. Between two measurements a shorter time takes the place of the measured one. What was
measured under load is too long at first, but each measurement is made under half of what the one before allowed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["Gradient", "Tuning"]

_SHORTEST: Final = 0.5
"""The limit shrinks to half at most, in one window."""
_MEASURING: Final = 0.5
"""Share of the limit that is left while measuring."""
_FEWEST: Final = 10
"""Answers that a window must hold to say anything,"""
_MOST: Final = 250
"""and at which it says so before its time."""


@attrs.frozen
class Tuning:
    """How a limit moves. Durations are seconds."""

    initial: int
    least: int
    most: int
    tolerance: float
    """By what share answers may take longer before the limit shrinks."""
    window: float
    interval: float
    """Between two measurements."""
    jitter: float
    """Share of the interval by which it is stretched, by chance, so that nodes do not measure together."""
    percentile: float


class Gradient:
    """The limit of one endpoint: see the module. Belongs to one event loop.

    ``limit`` calls may be under way, ``under_way`` are. ``fastest`` is how long an answer takes when there is little to
    do, 0.0 while that is not known.
    """

    __slots__ = (
        "__weakref__",
        "_busiest",
        "_measure_at",
        "_measuring_since",
        "_now",
        "_resumed",
        "_samples",
        "_tuning",
        "_window_ends",
        "fastest",
        "limit",
        "under_way",
    )

    def __init__(self, tuning: Tuning, now: Callable[[], float]) -> None:
        self._tuning = tuning
        self._now = now
        self.limit = float(tuning.initial)
        self.under_way = 0
        self.fastest = 0.0
        self._samples: list[float] = []
        self._busiest = 0
        self._resumed = self.limit
        self._window_ends = now() + tuning.window
        self._measure_at = math.inf
        self._measuring_since: float | None = now()

    @property
    def measuring(self) -> bool:
        """Whether it is finding out how long answers take when there is little to do."""
        return self._measuring_since is not None

    def enter(self) -> bool:
        """Whether one more call may be made; then it is under way until ``leave``."""
        under_way = self.under_way
        if under_way >= self.limit:
            return False
        self.under_way = under_way = under_way + 1
        if under_way > self._busiest:
            self._busiest = under_way
        return True

    def leave(self) -> None:
        """A call is no longer under way."""
        self.under_way -= 1

    def sample(self, started: float, waited: float = 0.0) -> None:
        """The answer to a call that began at ``started`` (monotonic seconds) is there; ``waited`` seconds of that
        passed while its client was still sending."""
        since = self._measuring_since
        if since is not None and started < since:
            return
        samples = self._samples
        now = self._now()
        samples.append(now - started - waited)
        if (now >= self._window_ends and len(samples) >= _FEWEST) or len(samples) >= _MOST:
            self._close_window(now)

    def _close_window(self, now: float) -> None:
        samples = sorted(self._samples)
        duration = samples[min(int(len(samples) * self._tuning.percentile), len(samples) - 1)]
        if self._measuring_since is not None:
            self._measured(duration, now)
        else:
            self._move(duration)
            if now >= self._measure_at:
                self._measuring_since = now
                self._resumed = self.limit
                self.limit = max(self.limit * _MEASURING, float(self._tuning.least))
        self._samples.clear()
        self._busiest = self.under_way
        self._window_ends = now + self._tuning.window

    def _measured(self, duration: float, now: float) -> None:
        tuning = self._tuning
        self.fastest = duration
        self.limit = self._resumed
        self._measuring_since = None
        self._measure_at = now + tuning.interval * (1 + random.uniform(0, tuning.jitter))  # noqa: S311  # hides nothing

    def _move(self, duration: float) -> None:
        tuning = self._tuning
        if duration < self.fastest:
            self.fastest = duration
        allowed = self.fastest * (1 + tuning.tolerance)
        gradient = 1.0 if duration <= allowed else max(allowed / duration, _SHORTEST)
        limit = self.limit * gradient + math.sqrt(self.limit)
        if limit > self.limit and self._busiest < self.limit / 2:
            return
        self.limit = min(max(limit, float(tuning.least)), float(tuning.most))
