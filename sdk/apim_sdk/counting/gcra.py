"""The generic cell rate algorithm (ITU-T I.371): a bucket that fills evenly.

For each key the table holds the theoretical arrival time: when its bucket will be full again. A unit moves that one
emission interval on, and passes if it then lies at most ``burst`` intervals ahead of now. So no span of t seconds lets
more than burst + t * units / seconds through.

Time is counted in whole ticks, ``units`` of them a nanosecond. The emission interval, ``seconds`` / ``units``, is then
``seconds`` in nanoseconds: a whole number.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["GCRA"]

_NANOSECONDS: Final = 1_000_000_000


class GCRA(Table):
    """Values are theoretical arrival times, in ticks of the monotonic clock."""

    __slots__ = ("_capacity", "_interval", "_monotonic", "_second", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._monotonic = clock.monotonic
        self._interval = round(limit.seconds * _NANOSECONDS)
        self._count_by(limit)

    def take(self, key: Key, cost: int = 1) -> float:
        now = int(self._monotonic() * _NANOSECONDS) * self._units
        known = self._values.get(key)
        arrival = (now if known is None or known < now else known) + self._interval * cost
        if arrival - now > self._capacity:
            return self._refuse(key, arrival, now, cost)
        if known is None:
            self._enter(key, arrival, now)
        else:
            self._values[key] = arrival
        return 0.0

    def _refuse(self, key: Key, arrival: int, now: int, cost: int) -> float:
        """Seconds to wait. What was refused counts, if it does, up to a whole window beyond the limit."""
        if self._interval * cost > self._capacity:
            return NEVER
        if self.limit.count_refused:
            kept = min(arrival, now + self._capacity + self._interval * self._units)
            self._keep(key, kept, now)
            arrival = kept + self._interval * cost
        return self._seconds(arrival - now - self._capacity)

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now = self._now()
        arrival = max(self._values.get(key, now), now)
        free = (self._capacity - (arrival - now)) // self._interval
        if free < least:
            wait = self._refuse(key, arrival + self._interval * least, now, least)
            return Grant(0, wait, max(free, 0), self._seconds(arrival - now))
        units = min(free, most)
        arrival += units * self._interval
        self._keep(key, arrival, now)
        return Grant(units, 0.0, free - units, self._seconds(arrival - now))

    def settle(self, key: Key, units: int) -> None:
        now = self._now()
        arrival = max(self._values.get(key, now), now) + units * self._interval
        self._keep(key, max(arrival, now), now)

    def standing(self, key: Key) -> Grant:
        now = self._now()
        backlog = max(self._values.get(key, now) - now, 0)
        free = self._capacity - backlog
        wait = max(self._interval - free, 0)
        return Grant(0, self._seconds(wait), max(free // self._interval, 0), self._seconds(backlog))

    def adopt(self, limit: Limit) -> None:
        moment = int(self._monotonic() * _NANOSECONDS)
        before, shift = moment * self._units, moment * (limit.units - self._units)
        super().adopt(limit)
        self._count_by(limit)
        # Other units make other ticks, of which an interval has as many as before.
        self._values = {key: arrival + shift for key, arrival in self._values.items() if arrival > before}
        self._order = deque(key for key in self._order if key in self._values)

    def _count_by(self, limit: Limit) -> None:
        self._units = limit.units
        self._capacity = limit.burst * self._interval
        self._second = limit.units * _NANOSECONDS

    def _seconds(self, ticks: int) -> float:
        return ticks / self._second

    def _now(self) -> int:
        return int(self._monotonic() * _NANOSECONDS) * self._units

    def _fresh(self) -> Any:
        return 0

    def _idle(self, value: Any, now: int) -> bool:
        return bool(value <= now)
