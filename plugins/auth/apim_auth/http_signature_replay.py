"""Remembers what may be used once, as long as it could be used again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from apim_sdk import Context, Exchange, Store

from apim_auth.judged_again import first_use
from apim_auth.lifetimes import Lifetimes

__all__ = ["ReplayMemory", "ReplayMemoryFull", "replay_memory"]

_MOST: Final = 100_000


class ReplayMemoryFull(Exception):
    """Nothing more can be remembered now, and what cannot be remembered cannot be let in."""


class ReplayMemory:
    """What was used already: in a store for all who share it, or else in this process only, so much of each client.

    Belongs to one event loop; ``now`` gives seconds since the epoch.
    """

    def __init__(
        self,
        store: Store | None,
        name: str,
        now: Callable[[], float],
        lifetimes: Lifetimes,
        most: int = _MOST,
    ) -> None:
        self.lifetimes = lifetimes
        """What plugins of this name want, in whichever memory."""
        self._store = store
        self._name = name
        self._now = now
        self._most = most
        self._used: set[bytes] = set()
        self._used_by: Counter[str] = Counter()
        self._ends: list[tuple[float, bytes, str]] = []

    def __len__(self) -> int:
        return len(self._used)

    async def first(self, client: str, what: str, until: float, exchange: Exchange) -> bool:
        """Whether the client uses it for the first time, or once more in the same request, for another plan.

        It is remembered ``until`` then. Raises ReplayMemoryFull, and OSError where the store is away.
        """
        digest = hashlib.sha256(f"{client}\0{what}".encode("utf-8", "surrogatepass"))
        if self._store is None:
            first = self._add(client, digest.digest(), until)
        else:
            left = max(until - self._now(), 1.0)
            first = await self._store.add(f"{self._name}/{digest.hexdigest()}", b"", left)
        return first_use(exchange, digest.digest(), first=first)

    def _add(self, client: str, digest: bytes, until: float) -> bool:
        now = self._now()
        while self._ends and self._ends[0][0] <= now:
            _, over, whose = heappop(self._ends)
            self._used.discard(over)
            self._used_by[whose] -= 1
            if not self._used_by[whose]:
                del self._used_by[whose]
        if digest in self._used:
            return False
        if self._used_by[client] >= self._most:
            raise ReplayMemoryFull(f"of {client!r:.80}, {self._most} are remembered")
        self._used.add(digest)
        self._used_by[client] += 1
        heappush(self._ends, (until, digest, client))
        return True


async def replay_memory(context: Context, name: str, store: str | None) -> ReplayMemory:
    """The memory of all plugins of this name, in the store of that name or else in this process.

    In the process it outlasts a reload. All share it, for what one plan has taken must be no good for another of which
    a key is the same. Raises LookupError where there is no such store.
    """
    now = context.clock.now
    lifetimes = await context.shared(f"lifetimes of {name}", lambda: Lifetimes(context.clock))
    if store is not None:  # which remembers by itself; it may be another one in the next configuration
        return ReplayMemory(context.store(store), name, now, lifetimes)
    return await context.shared(f"replays of {name}", lambda: ReplayMemory(None, name, now, lifetimes))
