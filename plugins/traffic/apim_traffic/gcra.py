"""The generic cell rate algorithm (ITU-T I.371) over a table of keys: exact, local, bounded.

For each key the table holds the theoretical arrival time: when its bucket will be empty again. A call moves that one
emission interval on, and passes if it then lies at most ``burst`` intervals ahead of now. So no window of t seconds
lets more than burst + rate * t calls through, and a refused call leaves no trace.

Time is counted in whole ticks, ``units`` of them a nanosecond. The emission interval, ``seconds`` / ``units``, is then
``seconds`` in nanoseconds: a whole number, so that no sum ever rounds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from apim_sdk import Rate

__all__ = ["Table"]

_NANOSECONDS: Final = 1_000_000_000
"""In a second."""


class Table:
    """The keys of one limit, at most ``size`` of them. Belongs to one event loop; ``take`` alone changes it.

    A key whose bucket is empty is as good as a new one. Each new key moves two of the oldest: out if they are idle,
    else to the end, so that idle keys leave without a pause for anybody. Where all keys are in use, the oldest is
    forgotten, of which ``forgot`` is told.
    """

    __slots__ = ("_arrivals", "_capacity", "_forgot", "_interval", "_now", "_size", "_units")

    def __init__(self, rate: Rate, now: Callable[[], float], size: int, forgot: Callable[[], None]) -> None:
        self._now = now
        self._units = rate.units
        self._interval = round(rate.seconds * _NANOSECONDS)
        self._capacity = rate.burst * self._interval
        self._size = size
        self._forgot = forgot
        self._arrivals: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._arrivals)

    def take(self, key: Hashable) -> float:
        """Let a call of ``key`` pass (0.0), or say in how many seconds the next one would."""
        now = int(self._now() * _NANOSECONDS) * self._units
        arrival = self._arrivals.get(key)
        if arrival is None:
            self._sweep(now)
            arrival = now
        elif arrival < now:
            arrival = now
        arrival += self._interval
        excess = arrival - now - self._capacity
        if excess > 0:
            return excess / (self._units * _NANOSECONDS)
        self._arrivals[key] = arrival
        return 0.0

    def left(self, key: Hashable) -> tuple[int, float]:
        """How many calls of ``key`` would pass now, and in how many seconds it will be as many as ever."""
        backlog = max(self._arrivals.get(key, 0) - self._clock(), 0)
        return (self._capacity - backlog) // self._interval, backlog / (self._units * _NANOSECONDS)

    def _clock(self) -> int:
        return int(self._now() * _NANOSECONDS) * self._units

    def _sweep(self, now: int) -> None:
        arrivals = self._arrivals
        for _ in range(min(2, len(arrivals))):
            key, arrival = arrivals.popitem(last=False)
            if arrival <= now:
                continue
            if len(arrivals) + 1 < self._size:
                arrivals[key] = arrival
            else:
                self._forgot()
