"""Looks at deadlines a few times a second, instead of a timer for each exchange."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Sweeper", "Swept"]


class Swept(Protocol):
    """Something with deadlines."""

    def sweep(self, now: float) -> None:
        """End what should have ended before ``now`` (loop time)."""


class Sweeper:
    """Sweeps its members every ``every`` seconds while it has any; so a deadline is kept that much late at most."""

    def __init__(self, every: float = 0.25) -> None:
        self._every = every
        self._members: set[Swept] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def active(self) -> bool:
        """Whether there is anything to sweep."""
        return self._timer is not None

    def add(self, member: Swept) -> None:
        """Begin to sweep ``member``; again does nothing."""
        self._members.add(member)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._sweep)

    def discard(self, member: Swept) -> None:
        """Sweep ``member`` no more."""
        self._members.discard(member)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._every, self._sweep)
        now = loop.time()
        for member in tuple(self._members):
            member.sweep(now)
