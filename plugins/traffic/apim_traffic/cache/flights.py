"""Requests for the same answer: one asks the backend, the others wait for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Final

from cachetools import TTLCache

from apim_traffic.cache.keys import Key

__all__ = ["Flight", "Flights", "Landing"]

_MOST_WAITING: Final = 1000
"""Most requests that wait for one answer; more go to the backend."""
_REMEMBERED: Final = 10_000
_UNSHARED_FOR: Final = 10.0
"""Seconds in which nobody waits for answers of a key, after one that was not kept."""


class Landing(Enum):
    """What came of a request that others wait for."""

    KEPT = "it can be answered from the cache"
    NOT_KEPT = "it is for one client only"
    FAILED = "the backend could not answer"
    BROKEN = "there was no whole answer"


class Flight:
    """A request that is under way, and how many wait for it."""

    def __init__(self, landed: Callable[[Landing], None]) -> None:
        self.landing: asyncio.Future[Landing] = asyncio.get_running_loop().create_future()
        self.waiting = 0
        self.keeping = False
        """Whether its answer is on the way to a store."""
        self._landed = landed

    def land(self, landing: Landing) -> None:
        """Tell those who wait; the first landing counts."""
        if not self.landing.done():
            self._landed(landing)  # first, so that nobody finds a flight that is over
            self.landing.set_result(landing)

    def over(self) -> None:
        """The exchange is over: whatever became of it, nobody waits for ever."""
        if not self.keeping:
            self.land(Landing.BROKEN)

    async def wait(self, seconds: float) -> Landing:
        """What came of it. Raises TimeoutError."""
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self.landing)
        finally:
            self.waiting -= 1


class Flights:
    """Requests that are under way, by key. Belongs to one event loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._flights: dict[Key, Flight] = {}
        self._unshared: TTLCache[Key, None] = TTLCache(_REMEMBERED, _UNSHARED_FOR, timer=monotonic)

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: Key) -> Flight | None:
        """The one to wait for, if there is one that has room."""
        flight = self._flights.get(key)
        return flight if flight is not None and flight.waiting < _MOST_WAITING else None

    def open(self, key: Key) -> Flight | None:
        """A flight for others to wait for; None where there is one, or where there lately was nothing to share."""
        if key in self._flights or key in self._unshared:
            return None
        flight = self._flights[key] = Flight(lambda landing: self._landed(key, landing))
        return flight

    def _landed(self, key: Key, landing: Landing) -> None:
        self._flights.pop(key, None)
        if landing is Landing.NOT_KEPT:
            self._unshared[key] = None
        else:
            self._unshared.pop(key, None)
