"""Lease: a process takes a few units ahead, and decides by itself while it has some.

**Theory.** What is leased has been taken at the store, so all processes together never have more than the limit gives.
While more than three quarters of the limit are left, a lease lives for a hundredth of its window, a tenth of a second
at least and a second at most (``life_of``), later for a tenth of a second; and no longer than its units would be
missing at the store (see ``units``). What is not spent goes back. How much is leased follows demand: twice as much when
a lease lasted less than a quarter of its life, half as much when it was not used up; never more than a fair part of
what is left, and nothing ahead when little is left. One question for a key is on its way at a time; callers wait for it
together. A refusal is remembered, so that a flood beyond the limit does not reach the store, but asked again after a
tenth of a second, then after twice as long each time, a second at most: what others held may have come back.

**Cost.** A dictionary look-up and a comparison for most calls of a busy key; some questions for each key in the life of
a lease, most of which nobody waits for. A key that is called less than four times in that costs a question for each
call, as with ``exact``: a lease is two, when it is not used up.

**Bound.** allowed <= limit; for sliding-log, where units count from when they were taken, 0.1 % more. With gcra units
go back only while the bucket lacks more than all others can hold. Less than the limit passes, for the life of a lease,
where one process holds the last units and another is asked for them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

from apim_sdk import Grant, Limit
from apim_sdk.counting import NEVER, Key

from apim_traffic.modes.ending import Ending
from apim_traffic.modes.keys import Keys
from apim_traffic.modes.leased import Leased
from apim_traffic.modes.mode import Mode
from apim_traffic.modes.parts import Parts
from apim_traffic.modes.units import NOTHING, Units

__all__ = ["Leasing", "life_of"]

_SHORTEST_LIFE: Final = 0.1
_LONGEST_LIFE: Final = 1.0
"""Seconds that a lease lives at most: so many for short windows, and so many for long ones."""
_LIFE_OF_WINDOW: Final = 0.01
"""Part of the window that it lives between these."""
_PLENTY: Final = 0.75
"""Part of the limit that is left while leases may live longer than the shortest."""
_FULL: Final = 0.95
"""Part of the burst that is left while a lease may hold what the bucket gets back in its life, used or not."""
_SLACK: Final = 0.001
"""Part of the limit by which leases may pass it, where they can."""
_FIRST_REFUSAL: Final = 0.1
_LONGEST_REFUSAL: Final = 1.0
"""Seconds after which a key that is refused is asked for again: at first, and at most."""
_LONGEST_QUESTION: Final = 60.0
"""Seconds after which whoever was to ask is taken to have gone without."""


def life_of(limit: Limit) -> float:
    """Seconds that a lease of a limit lives at most."""
    if limit.algorithm == "sliding-log":  # whose units count from when they were taken, so they had better be spent
        return _SHORTEST_LIFE
    return min(max(_LIFE_OF_WINDOW * limit.seconds, _SHORTEST_LIFE), _LONGEST_LIFE)


class Leasing(Mode):
    """Decides by leases."""

    bound = "allowed <= limit; with sliding-log 0.1 % more"

    new: type[Leased] = Leased
    """What is held of a key."""

    def __init__(self, parts: Parts, life: float | None = None, slack: float = _SLACK) -> None:
        super().__init__(parts)
        limit = parts.limit
        self._longest = life_of(limit) if life is None else life
        self._shortest = min(self._longest, _SHORTEST_LIFE) if life is None else life
        self._slack = slack
        self.keys: Keys[Leased] = Keys(parts.max_keys, parts.forgot)
        self._get = self.keys.get
        self._rate = limit.units / limit.seconds
        self._ending = {
            each: Ending(each, self._monotonic, self._give_back) for each in (self._shortest, self._longest)
        }
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, key: Key, cost: int = 1) -> float | Awaitable[float]:
        leased = self._get(key)
        if leased is None:
            leased = self._enter(key)
        units = leased.units
        if units.left >= cost and units.good > self._monotonic():
            units.left -= cost
            if units.left < units.least:
                self._more(leased)
            return 0.0
        return self._decide(leased, cost)

    def _decide(self, leased: Leased, cost: int) -> float | Awaitable[float]:
        """What is not simply there: units of which some are no longer good, a refusal, or a question."""
        now = self._monotonic()
        if leased.spend(cost, now):
            if leased.units.left < leased.units.least:
                self._more(leased)
            return 0.0
        if cost > self.limit.most:
            return NEVER
        if not leased.asking:
            if now < leased.refused_until and cost >= leased.refused_cost:
                return max(leased.free_at - now, 0.001)
            if self._link.away:
                return self._fallback.take(leased.key, cost)
        if leased.asking and now < leased.asked_at + _LONGEST_QUESTION:
            return leased.wait(cost)
        leased.asking = True
        leased.adapt(now, self.life(leased, now), self.limit.most)
        if not self.ahead(leased, now):
            return self._lead(leased, cost)
        decision = leased.wait(cost)
        self._spawn(self._question(leased))  # units ahead, which nobody waits for, are not lost with the caller
        return decision

    # Questions

    def _more(self, leased: Leased) -> None:
        """Ask before a lease runs dry."""
        leased.units.least = -1
        if leased.asking or self._link.away:
            return
        now = self._monotonic()
        leased.adapt(now, self.life(leased, now), self.limit.most)
        if self.ahead(leased, now):
            leased.asking = True
            self._spawn(self._question(leased))

    async def _lead(self, leased: Leased, cost: int) -> float:
        """Ask for oneself, and for those who wait by now; who still waits then is another's to ask for."""
        now = self._monotonic()
        try:
            units = cost + leased.needed() if leased.waiting else cost
            grant = await self._link.ask(self._timeout, self._counter.grant, leased.text, cost, units)
            self._answered(leased, grant, cost, now, cost)
        except OSError:
            self._undecided(leased)
            return self._fallback.take(leased.key, cost)
        finally:
            if leased.waiting and leased.needed():
                self._spawn(self._question(leased))
            else:
                leased.asking = False
        return grant.wait

    async def _question(self, leased: Leased) -> None:
        """Ask the store until nobody waits for it."""
        try:
            await self._ask(leased, self.ahead(leased, self._monotonic()))
            while leased.waiting:
                await self._ask(leased, self.ahead(leased, self._monotonic()))
        finally:
            leased.asking = False

    async def _ask(self, leased: Leased, ahead: int) -> None:
        """Ask once, for those who wait and for units ahead."""
        units = leased.needed() + ahead
        if not units:
            return
        least, now = leased.waiting[0].cost if leased.waiting else 1, self._monotonic()
        try:
            grant = await self._link.ask(self._timeout, self._counter.grant, leased.text, least, units)
        except OSError:
            self._undecided(leased)
        except Exception as error:
            leased.abandon(error)
            raise
        else:
            self._answered(leased, grant, least, now)

    def _undecided(self, leased: Leased) -> None:
        """The store is away: those who wait go by ``on_store_error``."""
        leased.fail(lambda cost: self._fallback.take(leased.key, cost))

    def _answered(self, leased: Leased, grant: Grant, least: int, asked: float, own: int = 0) -> None:
        """The store has answered; of what it gives, ``own`` units are those of the caller who asked."""
        leased.note(grant, asked)
        if not grant.units:
            now = self._monotonic()
            leased.refused_cost, leased.refused_until = least, now + self._patience(leased, grant)
            leased.free_at = now + grant.wait
            leased.refuse(least, grant.wait)
            return
        leased.patience = 0.0
        left = leased.serve(grant.units - own)
        if left:
            self.held(leased, Units(self.limit, grant, left, asked, self.life(leased, asked)))
        leased.tire(1 / self._rate)

    def _patience(self, leased: Leased, grant: Grant) -> float:
        """How long a refusal holds without a question: shortly at first, then longer."""
        leased.patience = min(max(2 * leased.patience, min(self._shortest, _FIRST_REFUSAL)), _LONGEST_REFUSAL)
        return min(grant.wait, leased.patience)

    def ahead(self, leased: Leased, now: float) -> int:
        """Units to take ahead of calls."""
        if not leased.size:
            return 0
        limit = self.limit
        fair = leased.left(limit, now) // (2 * self._link.members)
        size = leased.size
        if limit.algorithm == "gcra":  # fewer are good for less time; of a full bucket they are not missed
            full = leased.left(limit, now) > _FULL * limit.most
            size = max(size, math.ceil(self._rate * (self._longest if full else self._shortest)))
        return min(size, fair, self.bearable())

    def bearable(self) -> int:
        """Units that a process may hold ahead, so that all of them stay within the bound."""
        limit, members = self.limit, self._link.members
        if limit.algorithm == "gcra":
            return limit.burst // (16 * members)
        if limit.algorithm == "sliding-log":
            return int(self._slack * limit.units) // members
        return limit.most

    def margin(self) -> float:
        """Units that have to be missing in the bucket of gcra when some went back.

        Others hold two leases each at most, and may have given back as much unknown to this process; and while they
        live the bucket fills.
        """
        others = self._link.members - 1
        return 4.0 * others * self.bearable() + self._rate * self._longest if others else 0.0

    def life(self, leased: Leased, now: float) -> float:
        """Seconds that a lease of the key lives: more while so much is left that others hardly miss its units."""
        return self._longest if leased.left(self.limit, now) > _PLENTY * self.limit.most else self._shortest

    # What is not spent

    def held(self, leased: Leased, units: Units) -> None:
        """Units have been taken ahead."""
        units.least = units.left // 4
        leased.hold(units, self._monotonic())
        self._ending[units.life].add(leased, units)

    def unspent(self, leased: Leased, units: Units) -> None:
        """Units have come to the end of their life; what is left of them goes back."""
        leased.size //= 2

    def _give_back(self, leased: Leased, units: Units, now: float) -> None:
        """A lease is over: what nobody spent in time goes back."""
        if units.left or units.dropped:
            self.unspent(leased, units)
        back, units.left = units.returnable(now + self._timeout, self.margin()), 0
        if back and not self._link.away:
            self._spawn(self._return(leased, back))

    async def _return(self, leased: Leased, units: int) -> None:
        try:
            await self._link.ask(self._timeout, self._counter.settle, leased.text, -units)
        except OSError:
            return  # they are gone; the link has counted that the store did not answer

    async def aclose(self) -> None:
        for ending in self._ending.values():
            ending.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Keys

    def _enter(self, key: Key) -> Leased:
        leased = self.new(key)
        self.keys.enter(key, leased, self._monotonic())
        return leased

    def settle(self, key: Key, units: int) -> Awaitable[None] | None:
        leased = self._get(key)
        if leased is not None:
            now = self._monotonic()
            held = leased.units
            if 0 <= units <= held.left and held.good > now:
                held.left -= units
                return None
            if units < 0 and held.put_back(-units, now):
                return None
            leased.refused_until = 0.0  # what is given back may be taken
        return super().settle(key, units)

    def learned(self, key: Key, grant: Grant, asked: float) -> None:
        leased = self._get(key)
        if leased is not None:
            leased.note(grant, asked)

    def known(self, key: Key) -> Grant:
        leased = self._get(key)
        if leased is None:
            return Grant(0, 0.0, self.limit.most, 0.0)
        now = self._monotonic()
        return leased.tell(self.limit, now, leased.available(now))

    def forget(self, key: Key) -> None:
        leased = self._get(key)
        if leased is not None:
            leased.remaining = None
            leased.refused_until = 0.0
            leased.following = leased.units = NOTHING

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
