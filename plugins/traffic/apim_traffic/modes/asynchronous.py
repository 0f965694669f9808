"""Async: a process decides by itself, and tells the store afterwards.

**Theory.** Each process counts in a table of its own. Every ``sync_interval`` it tells the store what it let through,
and takes over how the key stands there; sooner, when it has let through its part of what was left, or what it knows of
the key is old. A key of which the store has none left is refused until the store says there will be one. Between two
syncs no process knows of the others.

**Cost.** That of a table in the process, and no call ever waits; one question for each key in use in an interval, more
of them as a limit comes near.

**Bound.** allowed <= T + n * u, with n processes and u units that one of them can be asked for within ``sync_interval``
and the answer's way, T at most. With calls of r a second evenly over n processes, that is r * sync_interval; near the
limit the early questions make it about r * the answer's way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import islice
from typing import Any, Final

from apim_sdk import Grant
from apim_sdk.counting import Key

from apim_traffic.modes.keys import Keys, text_of
from apim_traffic.modes.mode import Mode
from apim_traffic.modes.parts import Parts

__all__ = ["Asynchronous"]

_AT_ONCE: Final = 100
"""Keys of which the store is told at the same time."""


class _Local:
    """What a process knows of a key beside its own count."""

    __slots__ = ("early", "key", "refused_until", "telling", "text", "told_at", "units")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.text = text_of(key)
        self.units = 0
        """Units that the store has not been told of."""
        self.early = 1
        """The store is told at once of as many."""
        self.refused_until: float | None = None
        """Until when the store has none left, by the process's clock."""
        self.telling = False
        self.told_at = float("-inf")

    def idle(self, now: float) -> bool:
        return not self.units and not self.telling and (self.refused_until is None or now >= self.refused_until)


class Asynchronous(Mode):
    """Decides by a table, and tells the store afterwards."""

    bound = "allowed <= limit + n * u; n processes, u units asked of one in sync_interval and the answer's way"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._table = parts.table("async", parts.limit)
        self.keys: Keys[_Local] = Keys(parts.max_keys, parts.forgot)
        self._get = self.keys.get
        self._interval = parts.sync_interval
        self._untold: dict[Key, _Local] = {}
        """Keys in use since the last sync."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, key: Key, cost: int = 1) -> float:
        if self._link.away:
            return self._fallback.take(key, cost)
        local = self._get(key)
        if local is None or key not in self._untold:
            local = self._use(key, local)
        if local.refused_until is not None and (wait := self._refusal(local)):
            return wait
        wait = self._table.take(key, cost)
        if not wait:
            local.units += cost
            if local.units >= local.early and not local.telling:
                self._spawn(self._tell(local))
        return wait

    def _use(self, key: Key, local: _Local | None) -> _Local:
        """A key is used for the first time since the last sync."""
        if local is None:
            local = self._untold.get(key) or _Local(key)
            self.keys.enter(key, local, self._monotonic())
        local.early = self._early(key)
        self._untold[key] = local
        if not local.telling and self._monotonic() - local.told_at > 2 * self._interval:
            self._spawn(self._tell(local))  # what is known of it is old
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._due)
        elif len(self._untold) >= self._parts.max_keys:
            self._due()
        return local

    def _early(self, key: Key) -> int:
        """This process's part of what is left."""
        return max(self._table.standing(key).remaining // self._link.members, 1)

    def _refusal(self, local: _Local) -> float:
        """Seconds for which the store has none left. Then there is one, or, in a window that is new, all."""
        assert local.refused_until is not None
        wait = local.refused_until - self._monotonic()
        if wait > 0:
            return wait
        local.refused_until = None
        if self.limit.algorithm == "fixed-window":
            self._table.reset(local.key)
        else:
            self._table.settle(local.key, self._table.standing(local.key).remaining - 1)
        local.early = self._early(local.key)
        return 0.0

    def settle(self, key: Key, units: int) -> None:
        """Take ``units`` more, and tell the store with the rest."""
        if self._link.away:
            self._fallback.owe(key, units)
            return
        local = self._get(key)
        if local is None or key not in self._untold:
            local = self._use(key, local)
        self._table.settle(key, units)
        local.units += units

    # The store

    def _due(self) -> None:
        """An interval is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        untold, self._untold = self._untold, {}
        self._spawn(self._tell_all(untold))

    async def _tell_all(self, untold: dict[Key, _Local]) -> None:
        states = iter(untold.values())
        while group := tuple(islice(states, _AT_ONCE)):
            await asyncio.gather(*(self._tell(local) for local in group if not local.telling))

    async def _tell(self, local: _Local) -> None:
        """Tell the store of one key, and take over how it stands there."""
        units, local.units, local.telling = local.units, 0, True
        local.told_at = self._monotonic()
        try:
            grant = await self._link.ask(self._timeout, self._counter.settle, local.text, units)
        except OSError:
            self._fallback.owe(local.key, units)
        else:
            self._take_over(local, grant)
        finally:
            local.telling = False

    def _take_over(self, local: _Local, grant: Grant) -> None:
        """Count as the store does, and what it has not been told of meanwhile."""
        if grant.remaining:
            local.refused_until = None
        else:
            local.refused_until = self._monotonic() + grant.wait
        left = max(grant.remaining - local.units, 0)
        if self.limit.algorithm == "fixed-window":  # one that begins now, so that it never ends before the store's
            self._table.reset(local.key)
        self._table.settle(local.key, self._table.standing(local.key).remaining - left)
        local.early = self._early(local.key)

    def known(self, key: Key) -> Grant:
        local = self._get(key)
        standing = self._table.standing(key)
        if local is None or local.refused_until is None:
            return standing
        wait = max(local.refused_until - self._monotonic(), 0.0)
        return Grant(0, wait, 0, max(wait, standing.reset)) if wait else standing

    def forget(self, key: Key) -> None:
        self._table.reset(key)
        local = self._get(key)
        if local is not None:
            local.units, local.refused_until = 0, None

    async def aclose(self) -> None:
        self._due()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
