"""Fixed windows: a count that begins anew with each window.

A window begins with the first call of its key, or, with a calendar unit, with the clock's. Two full windows can follow
each other closely, so twice the units may come within a moment: that is what ``sliding-window`` is for.
"""

from __future__ import annotations

from typing import Any, Final

from apim_sdk.counting.calendar import bounds
from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["FixedWindow"]

_MILLISECONDS: Final = 1_000
_BITS: Final = 41
_COUNT: Final = (1 << _BITS) - 1


class FixedWindow(Table):
    """Values hold the beginning of the window, in milliseconds since the epoch, and its count, in one number."""

    __slots__ = ("_begin", "_end", "_length", "_time", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._time = clock.now
        self._units = limit.units
        self._length = max(round(limit.seconds * _MILLISECONDS), 1)
        self._begin = self._end = 0

    def take(self, key: Key, cost: int = 1) -> float:
        now = int(self._time() * _MILLISECONDS)
        value = self._values.get(key)
        if value is None:
            begin, end, count = self._opened(now)
        else:
            begin, end, count = self._window(value, now)
        taken = count + cost
        if taken <= self._units:
            if value is None:
                self._enter(key, begin << _BITS | taken, now)
            else:
                self._values[key] = begin << _BITS | taken
            return 0.0
        return self._refuse(key, begin, end, taken, now, cost)

    def _refuse(self, key: Key, begin: int, end: int, taken: int, now: int, cost: int) -> float:
        if cost > self._units:
            return NEVER
        if self.limit.count_refused:
            self._keep(key, begin << _BITS | min(taken, _COUNT), now)
        return (end - now) / _MILLISECONDS

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now, begin, end, count = self._state(key)
        free = max(self._units - count, 0)
        if free < least:
            wait = self._refuse(key, begin, end, count + least, now, least)
            return Grant(0, wait, free, (end - now) / _MILLISECONDS)
        units = min(free, most)
        self._keep(key, begin << _BITS | count + units, now)
        return Grant(units, 0.0, free - units, (end - now) / _MILLISECONDS)

    def settle(self, key: Key, units: int) -> None:
        now, begin, _, count = self._state(key)
        self._keep(key, begin << _BITS | min(max(count + units, 0), _COUNT), now)

    def standing(self, key: Key) -> Grant:
        now, _, end, count = self._state(key)
        free = max(self._units - count, 0)
        reset = (end - now) / _MILLISECONDS
        return Grant(0, 0.0 if free else reset, free, reset if count else 0.0)

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        self._units = limit.units

    def _state(self, key: Key) -> tuple[int, int, int, int]:
        """Now, the bounds of the window, and its count."""
        now = self._now()
        value = self._values.get(key)
        return now, *(self._opened(now) if value is None else self._window(value, now))

    def _window(self, value: int, now: int) -> tuple[int, int, int]:
        """The window of a value, or a new one where that is over, or nothing is left in it.

        A clock that goes back does not open an old one.
        """
        begin = value >> _BITS
        if self.limit.calendar is None:
            end = begin + self._length
        elif begin == self._begin:
            end = self._end
        else:
            end = bounds(self.limit.calendar, self.limit.zone, begin / _MILLISECONDS)[1] * _MILLISECONDS
        count = value & _COUNT
        return (begin, end, count) if count and now < end else self._opened(now)

    def _opened(self, now: int) -> tuple[int, int, int]:
        """A window that has not been counted in."""
        if self.limit.calendar is None:
            return now, now + self._length, 0
        if not self._begin <= now < self._end:
            begin, end = bounds(self.limit.calendar, self.limit.zone, now / _MILLISECONDS)
            self._begin, self._end = begin * _MILLISECONDS, end * _MILLISECONDS
        return self._begin, self._end, 0

    def _now(self) -> int:
        return int(self._time() * _MILLISECONDS)

    def _fresh(self) -> Any:
        return 0

    def _idle(self, value: Any, now: int) -> bool:
        return bool(self._window(value, now)[2] == 0)
