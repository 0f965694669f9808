"""Sliding windows of two counts: that of the window of now, and that of the one before, weighed by what is left of it.

The estimate is exact where calls of the older window came evenly. Numbers are whole: the comparison is multiplied by
the length of the window.
"""

from __future__ import annotations

from typing import Any, Final

from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["SlidingWindow"]

_MICROSECONDS: Final = 1_000_000
_BITS: Final = 41
_COUNT: Final = (1 << _BITS) - 1


class SlidingWindow(Table):
    """Values hold the number of the window since the epoch, its count and that of the one before, in one number."""

    __slots__ = ("_length", "_time", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._time = clock.now
        self._units = limit.units
        self._length = max(round(limit.seconds * _MICROSECONDS), 1)

    def take(self, key: Key, cost: int = 1) -> float:
        now = int(self._time() * _MICROSECONDS)
        window, elapsed, before, count = self._counts(self._values.get(key), now)
        length = self._length
        if before * (length - elapsed) + (count + cost) * length <= self._units * length:
            self._keep(key, _packed(window, before, count + cost), now)
            return 0.0
        return self._refuse(key, window, elapsed, before, count, now, cost)

    def _refuse(self, key: Key, window: int, elapsed: int, before: int, count: int, now: int, cost: int) -> float:
        if cost <= self._units and self.limit.count_refused:
            count = min(count + cost, _COUNT)
            self._keep(key, _packed(window, before, count), now)
        return self._wait(elapsed, before, count, cost)

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now = self._now()
        window, elapsed, before, count = self._counts(self._values.get(key), now)
        free = self._free(elapsed, before, count)
        if free < least:
            wait = self._refuse(key, window, elapsed, before, count, now, least)
            return Grant(0, wait, free, self._until_empty(elapsed, before, count))
        units = min(free, most)
        self._keep(key, _packed(window, before, count + units), now)
        return Grant(units, 0.0, free - units, self._until_empty(elapsed, before, count + units))

    def settle(self, key: Key, units: int) -> None:
        now = self._now()
        window, _, before, count = self._counts(self._values.get(key), now)
        count += units
        if count < 0:  # what is given back was taken in the window before
            before, count = max(before + count, 0), 0
        self._keep(key, _packed(window, before, min(count, _COUNT)), now)

    def standing(self, key: Key) -> Grant:
        _, elapsed, before, count = self._counts(self._values.get(key), self._now())
        free = self._free(elapsed, before, count)
        wait = 0.0 if free else self._wait(elapsed, before, count, 1)
        return Grant(0, wait, free, self._until_empty(elapsed, before, count))

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        self._units = limit.units

    def _counts(self, value: int | None, now: int) -> tuple[int, int, int, int]:
        """The number of the window, how much of it has passed, and both counts."""
        window, elapsed = divmod(now, self._length)
        if value is None:
            return window, elapsed, 0, 0
        counted, before, count = value >> 2 * _BITS, value >> _BITS & _COUNT, value & _COUNT
        if counted == window:
            return window, elapsed, before, count
        if counted > window:  # the clock went back: the window has only just begun
            return counted, 0, before, count
        return window, elapsed, count if counted == window - 1 else 0, 0

    def _free(self, elapsed: int, before: int, count: int) -> int:
        length = self._length
        return max((self._units * length - before * (length - elapsed)) // length - count, 0)

    def _wait(self, elapsed: int, before: int, count: int, cost: int) -> float:
        """Seconds until ``cost`` more are possible, if nothing else comes."""
        length, room = self._length, self._units - cost
        if room < 0:
            return NEVER
        if count > room:  # not in this window: in the next one this count is the older
            later = length - room * length // count
            return (length - elapsed + later) / _MICROSECONDS
        later = length - (room - count) * length // before
        return max(later - elapsed, 1) / _MICROSECONDS

    def _until_empty(self, elapsed: int, before: int, count: int) -> float:
        left = self._length - elapsed
        return (left + self._length if count else left if before else 0) / _MICROSECONDS

    def _now(self) -> int:
        return int(self._time() * _MICROSECONDS)

    def _fresh(self) -> Any:
        return 0

    def _idle(self, value: Any, now: int) -> bool:
        _, _, before, count = self._counts(value, now)
        return not before and not count


def _packed(window: int, before: int, count: int) -> int:
    return window << 2 * _BITS | before << _BITS | count
