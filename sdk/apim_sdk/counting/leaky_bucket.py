"""A bucket that leaks evenly: what GCRA lets through, by values that hold for any number of units.

For each key the table holds when it was counted last, and the level then: a window's length in nanoseconds for each
unit. In a nanosecond as many of them leak as there are units. So each call may be counted by another limit: what was
taken stays taken, in units, and since then has leaked by the limit of the call that comes. A key is idle when it would
be by the limit that it was counted by last.
"""

from __future__ import annotations

from typing import Any, Final

from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["LeakyBucket"]

_NANOSECONDS: Final = 1_000_000_000


class LeakyBucket(Table):
    """Values are nanoseconds of the monotonic clock, the level, and the units of the limit."""

    __slots__ = ("_capacity", "_interval", "_monotonic", "_second", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._monotonic = clock.monotonic
        self._interval = round(limit.seconds * _NANOSECONDS)
        self._count_by(limit)

    def take(self, key: Key, cost: int = 1) -> float:
        now, level = self._level(key)
        after = level + cost * self._interval
        if after > self._capacity:
            return self.grant(key, cost, cost).wait
        self._keep(key, (now, after, self._units), now)
        return 0.0

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now, level = self._level(key)
        free = (self._capacity - level) // self._interval
        if free >= least:
            units = min(free, most)
            level += units * self._interval
            self._keep(key, (now, level, self._units), now)
            return Grant(units, 0.0, free - units, level / self._second)
        reset, wait = level / self._second, NEVER
        if self._interval * least <= self._capacity:
            if self.limit.count_refused:  # up to a whole window beyond the limit
                level = min(level + self._interval * least, self._capacity + self._interval * self._units)
                self._keep(key, (now, level, self._units), now)
            wait = (level + self._interval * least - self._capacity) / self._second
        return Grant(0, wait, max(free, 0), reset)

    def settle(self, key: Key, units: int) -> None:
        now, level = self._level(key)
        self._keep(key, (now, max(level + units * self._interval, 0), self._units), now)

    def standing(self, key: Key) -> Grant:
        _, level = self._level(key)
        free = self._capacity - level
        wait = max(self._interval - free, 0)
        return Grant(0, wait / self._second, max(free // self._interval, 0), level / self._second)

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        self._count_by(limit)

    def _count_by(self, limit: Limit) -> None:
        self._units = limit.units
        self._capacity = limit.burst * self._interval
        self._second = limit.units * _NANOSECONDS

    def _level(self, key: Key) -> tuple[int, int]:
        """Now, and the level of a key."""
        now = self._now()
        moment, level, _ = self._values.get(key, (now, 0, 0))
        return now, max(level - (now - moment) * self._units, 0)

    def _now(self) -> int:
        return int(self._monotonic() * _NANOSECONDS)

    def _fresh(self) -> Any:
        return 0, 0, 0

    def _idle(self, value: Any, now: int) -> bool:
        moment, level, units = value
        return bool(level <= (now - moment) * units)
