"""What a process that leases holds of one key: units, a refusal that still holds, and callers that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from apim_sdk.counting import Key

from apim_traffic.modes.keys import text_of
from apim_traffic.modes.standing import Standing
from apim_traffic.modes.units import NOTHING, Units

__all__ = ["Leased"]

_MEMORY: Final = 1.0
"""Seconds for which it is known how much a key is in demand."""
_TRIES: Final = 2
"""How often units are asked for on behalf of one caller, if only some come each time."""


class Leased(Standing):
    """One key. ``units`` are spent first, then ``following``; A question is on its way while ``asking``."""

    __slots__ = (
        "asked_at",
        "asking",
        "following",
        "free_at",
        "key",
        "patience",
        "refused_cost",
        "refused_until",
        "size",
        "text",
        "units",
        "waiting",
    )

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.text = text_of(key)
        self.units = self.following = NOTHING
        self.size = 0
        """How many units demand would have taken ahead."""
        self.asked_at = float("-inf")
        self.refused_cost = 0
        self.refused_until = self.free_at = 0.0
        """Until when calls of ``refused_cost`` are refused without a question; when the store would take them."""
        self.patience = 0.0
        self.waiting: deque[_Caller] = deque()
        """Callers that wait, in the order in which they came."""
        self.asking = False
        """Whether a question is on its way."""

    def idle(self, now: float) -> bool:
        used = max(self.asked_at + _MEMORY, self.units.until, self.following.until, self.refused_until)
        return now >= used and not self.asking and super().idle(now)

    # Units

    def spend(self, cost: int, now: float) -> bool:
        """Spend units of this lease or the following one."""
        if self.units.trim(now) < cost:
            if self.following is NOTHING or self.following.trim(now) < cost:
                return False
            self.units, self.following = self.following, NOTHING
        self.units.left -= cost
        return True

    def hold(self, units: Units, now: float) -> None:
        """Spend these after those that are held."""
        if self.units.trim(now):
            self.following = units
        else:
            self.units = units

    def available(self, now: float) -> int:
        """Units that are held."""
        return self.units.trim(now) + self.following.trim(now)

    def adapt(self, now: float, life: float, most: int) -> None:
        """Take more ahead where questions follow each other quickly, less where they do not."""
        pause = now - self.asked_at
        self.asked_at = now
        if pause < life / 4:
            self.size = min(2 * self.size or 1, most)
        elif pause > 2 * life:
            self.size //= 2

    # Callers

    def wait(self, cost: int) -> asyncio.Future[float]:
        """A caller's decision, when there is one."""
        caller = _Caller(cost)
        self.waiting.append(caller)
        return caller.decision

    def needed(self) -> int:
        """Units that callers wait for; those that went away do not. They have been asked for once more now."""
        self.waiting = deque(caller for caller in self.waiting if not caller.decision.done())
        for caller in self.waiting:
            caller.questions += 1
        return sum(caller.cost for caller in self.waiting)

    def serve(self, units: int) -> int:
        """Give units to those who wait, the first first; how many are left."""
        while self.waiting and self.waiting[0].cost <= units:
            caller = self.waiting.popleft()
            if not caller.decision.done():
                caller.decision.set_result(0.0)
                units -= caller.cost
        return units

    def refuse(self, least: int, wait: float) -> None:
        """There are not ``least`` units: whoever waits for as many has to wait so many seconds."""
        self._tell(lambda caller: caller.cost >= least, lambda cost: wait)

    def tire(self, pace: float) -> None:
        """Refuse those for whom units were asked twice, although some come at so many seconds each."""
        self._tell(lambda caller: caller.questions >= _TRIES, lambda cost: cost * pace)

    def fail(self, decide: Callable[[int], float]) -> None:
        """Let something else decide, by the cost of each, because the store cannot."""
        self._tell(lambda caller: True, decide)

    def abandon(self, error: Exception) -> None:
        """Tell those who wait that nobody can decide."""

        def decide(cost: int) -> float:
            raise error

        self.fail(decide)

    def _tell(self, meant: Callable[[_Caller], bool], decide: Callable[[int], float]) -> None:
        callers, self.waiting = self.waiting, deque()
        for caller in callers:
            if not meant(caller):
                self.waiting.append(caller)
            elif not caller.decision.done():
                try:
                    caller.decision.set_result(decide(caller.cost))
                except Exception as error:  # a refusal is the caller's to hear of
                    caller.decision.set_exception(error)


class _Caller:
    """Somebody who waits for units."""

    __slots__ = ("cost", "decision", "questions")

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.decision: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.questions = 0
        """How often units were asked for that are for this caller."""
