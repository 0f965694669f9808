"""A sliding log: every call is remembered until it is a window old. Exact at every moment, for small limits."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["SlidingLog"]

_MICROSECONDS: Final = 1_000_000


class _Log:
    """When units were taken, the oldest first, and how many there are."""

    __slots__ = ("taken", "total")

    def __init__(self) -> None:
        self.taken: deque[tuple[int, int]] = deque()
        self.total = 0

    def add(self, now: int, units: int) -> None:
        self.taken.append((now, units))
        self.total += units

    def forget(self, until: int) -> None:
        """Drop what was taken at ``until`` or before."""
        taken = self.taken
        while taken and taken[0][0] <= until:
            self.total -= taken.popleft()[1]

    def give_back(self, units: int) -> None:
        """Drop the newest ``units``."""
        while units and self.taken:
            moment, count = self.taken.pop()
            self.total -= count
            if count > units:
                self.add(moment, count - units)
                return
            units -= count


class SlidingLog(Table):
    """Values are logs, in microseconds of the monotonic clock."""

    __slots__ = ("_length", "_monotonic", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._monotonic = clock.monotonic
        self._units = limit.units
        self._length = max(round(limit.seconds * _MICROSECONDS), 1)

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            log = _Log()
        log.forget(now - self._length)
        free = max(self._units - log.total, 0)
        if free >= least:
            units = min(free, most)
            log.add(now, units)
            self._keep(key, log, now)
            return Grant(units, 0.0, free - units, self._until_empty(log, now))
        if self.limit.count_refused and log.total < 2 * self._units:
            log.add(now, least)
            self._keep(key, log, now)
        return Grant(0, self._wait(log, least, now), free, self._until_empty(log, now))

    def settle(self, key: Key, units: int) -> None:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            log = _Log()
        if units >= 0:
            log.add(now, units)
        else:
            log.give_back(-units)
        self._keep(key, log, now)

    def standing(self, key: Key) -> Grant:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            return Grant(0, 0.0, self._units, 0.0)
        log.forget(now - self._length)
        free = max(self._units - log.total, 0)
        return Grant(0, 0.0 if free else self._wait(log, 1, now), free, self._until_empty(log, now))

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        self._units = limit.units

    def _wait(self, log: _Log, units: int, now: int) -> float:
        """Seconds until enough of the oldest are a window old."""
        excess = log.total + units - self._units
        if units > self._units:
            return NEVER
        for moment, count in log.taken:
            excess -= count
            if excess <= 0:
                return (moment + self._length - now) / _MICROSECONDS
        return NEVER

    def _until_empty(self, log: _Log, now: int) -> float:
        return (log.taken[-1][0] + self._length - now) / _MICROSECONDS if log.taken else 0.0

    def _now(self) -> int:
        return int(self._monotonic() * _MICROSECONDS)

    def _fresh(self) -> Any:
        return _Log()

    def _idle(self, value: Any, now: int) -> bool:
        value.forget(now - self._length)
        return not value.taken
