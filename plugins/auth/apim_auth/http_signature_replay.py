"""Remembers what may be used once, as long as it could be used again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from apim_sdk import Context, Store

__all__ = ["ReplayMemory", "ReplayMemoryFull", "replay_memory"]

_MOST: Final = 100_000


class ReplayMemoryFull(Exception):
    """Nothing more can be remembered now, and what cannot be remembered cannot be let in."""


class ReplayMemory:
    """What was used already: in a store for all who share it, or else in this process only.

    Belongs to one event loop; ``now`` gives seconds since the epoch.
    """

    def __init__(self, store: Store | None, name: str, now: Callable[[], float], most: int = _MOST) -> None:
        self._store = store
        self._name = name
        self._now = now
        self._most = most
        self._used: set[bytes] = set()
        self._ends: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._used)

    async def first(self, key: str, until: float) -> bool:
        """Whether this is the first use; it is remembered ``until`` then.

        Raises ReplayMemoryFull, and OSError where the store is away.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass"))
        now = self._now()
        if self._store is not None:
            return await self._store.add(f"{self._name}/{digest.hexdigest()}", b"", max(until - now, 1.0))
        while self._ends and self._ends[0][0] <= now:
            self._used.discard(heappop(self._ends)[1])
        short = digest.digest()
        if short in self._used:
            return False
        if len(self._used) >= self._most:
            raise ReplayMemoryFull
        self._used.add(short)
        heappush(self._ends, (until, short))
        return True


async def replay_memory(context: Context, name: str, store: str | None) -> ReplayMemory:
    """The memory of a plugin, in the store of that name or else in this process, where it outlasts a reload.

    Raises LookupError where there is no such store.
    """
    if store is not None:  # which remembers by itself; it may be another one in the next configuration
        return ReplayMemory(context.store(store), name, context.clock.now)
    return await context.shared((name, context.place), lambda: ReplayMemory(None, name, context.clock.now))
