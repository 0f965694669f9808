"""Leases of one length of life, in the order in which they end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from apim_traffic.modes.leased import Leased
from apim_traffic.modes.units import Units

__all__ = ["Ending"]

_SOONEST: Final = 0.001
"""Seconds between two looks at least."""


class Ending:
    """Tells ``end`` of each lease that is over, or spent, and what time it is then. It belongs to one event loop."""

    __slots__ = ("_end", "_leases", "_life", "_monotonic", "_timer")

    def __init__(
        self, life: float, monotonic: Callable[[], float], end: Callable[[Leased, Units, float], None]
    ) -> None:
        self._life = life
        self._monotonic = monotonic
        self._end = end
        self._leases: deque[tuple[Leased, Units]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, leased: Leased, units: Units) -> None:
        """A lease has begun."""
        self._leases.append((leased, units))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._life, self._look)

    def close(self) -> None:
        """End all of them."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._monotonic()
        for leased, units in self._leases:
            self._end(leased, units, now)
        self._leases.clear()

    def _look(self) -> None:
        leases, now = self._leases, self._monotonic()
        while leases and (leases[0][1].until <= now or not leases[0][1].left):
            self._end(*leases.popleft(), now)
        self._timer = None
        if leases:
            pause = min(max(leases[0][1].until - now, _SOONEST), self._life)
            self._timer = asyncio.get_running_loop().call_later(pause, self._look)
