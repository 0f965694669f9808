"""Rolling windows of how calls went: the last so many, or those of the last so many seconds."""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["FAILED", "SLOW", "CountWindow", "TimeWindow", "Window"]

FAILED: Final = 1
"""The call failed: a flag of an outcome,"""
SLOW: Final = 2
"""and it took too long: another. An outcome without flags is a good one."""

_BUCKETS: Final = 10
"""Into how many parts a window of time is cut; the oldest part leaves it at once."""


class Window(Protocol):
    """How many calls are in the window, how many of them failed, how many were slow."""

    total: int
    failed: int
    slow: int

    def add(self, outcome: int, now: float) -> None:
        """A call has ended at ``now`` (monotonic seconds)."""

    def clear(self) -> None:
        """Forget all."""


class CountWindow:
    """The last ``size`` calls."""

    __slots__ = ("_next", "_outcomes", "failed", "slow", "total")

    def __init__(self, size: int) -> None:
        self._outcomes = bytearray(size)
        self.clear()

    def clear(self) -> None:
        """See ``Window``."""
        self.total = self.failed = self.slow = self._next = 0

    def add(self, outcome: int, now: float) -> None:
        """See ``Window``."""
        outcomes = self._outcomes
        place = self._next
        if self.total < len(outcomes):
            self.total += 1
        elif leaving := outcomes[place]:
            self.failed -= leaving & FAILED
            self.slow -= leaving >> 1
        outcomes[place] = outcome
        if outcome:
            self.failed += outcome & FAILED
            self.slow += outcome >> 1
        place += 1
        self._next = place if place < len(outcomes) else 0


class TimeWindow:
    """The calls that ended in the last ``seconds``, to a tenth of them."""

    __slots__ = ("_bucket", "_buckets", "_counts", "_ends", "_width", "failed", "slow", "total")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _BUCKETS
        self.clear()

    def clear(self) -> None:
        """See ``Window``."""
        self._buckets = [[0, 0, 0] for _ in range(_BUCKETS)]
        self._counts = self._buckets[0]
        self._bucket = 0
        self._ends = 0.0
        self.total = self.failed = self.slow = 0

    def add(self, outcome: int, now: float) -> None:
        """See ``Window``."""
        if now >= self._ends:
            self.advance(now)
        counts = self._counts
        self.total += 1
        counts[0] += 1
        if outcome:
            failed, slow = outcome & FAILED, outcome >> 1
            self.failed += failed
            self.slow += slow
            counts[1] += failed
            counts[2] += slow

    def advance(self, now: float) -> None:
        """Let go of what is too old at ``now``."""
        bucket = int(now / self._width)
        for old in range(max(self._bucket, bucket - _BUCKETS) + 1, bucket + 1):
            counts = self._buckets[old % _BUCKETS]
            self.total -= counts[0]
            self.failed -= counts[1]
            self.slow -= counts[2]
            counts[:] = (0, 0, 0)
        self._bucket = bucket
        self._counts = self._buckets[bucket % _BUCKETS]
        self._ends = (bucket + 1) * self._width
