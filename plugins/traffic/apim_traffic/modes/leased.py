"""What a process that leases holds of one key: units, a refusal that still holds, and callers that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from apim_sdk.counting import Key

from apim_traffic.modes.keys import text_of
from apim_traffic.modes.standing import Standing
from apim_traffic.modes.units import NOTHING, Units

__all__ = ["Leased"]


class Leased(Standing):
    """One key. ``units`` are spent first, then ``following``; ``question`` is the one that is on its way."""

    __slots__ = (
        "asked_at",
        "following",
        "free_at",
        "key",
        "patience",
        "question",
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
        self.waiting: deque[tuple[int, asyncio.Future[float]]] = deque()
        """Costs of the callers that wait, in the order in which they came."""
        self.question: asyncio.Task[None] | None = None

    def idle(self, now: float) -> bool:
        held = max(self.units.until, self.following.until)
        return super().idle(now) and self.question is None and now >= max(held, self.refused_until)

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

    def wait(self, cost: int) -> Awaitable[float]:
        """A caller's decision, when there is one."""
        decision: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.waiting.append((cost, decision))
        return decision

    def needed(self) -> int:
        """Units that callers wait for; those that went away do not."""
        for _ in range(len(self.waiting)):
            cost, decision = self.waiting.popleft()
            if not decision.done():
                self.waiting.append((cost, decision))
        return sum(cost for cost, _ in self.waiting)

    def serve(self, units: int) -> int:
        """Give units to those who wait, the first first; how many are left."""
        while self.waiting and self.waiting[0][0] <= units:
            cost, decision = self.waiting.popleft()
            if not decision.done():
                decision.set_result(0.0)
                units -= cost
        return units

    def refuse(self, least: int, wait: float, now: float, remembered: float) -> None:
        """There are not ``least`` units: whoever waits for as many has to wait so many seconds."""
        self.free_at = now + wait
        if not remembered:  # the store counts what it refuses, and has counted the first
            self._settle(1, lambda _: wait)
            return
        self.refused_cost, self.refused_until = least, now + remembered
        patient = deque(caller for caller in self.waiting if caller[0] < least)
        self.waiting = deque(caller for caller in self.waiting if caller[0] >= least)
        self._settle(len(self.waiting), lambda _: wait)
        self.waiting = patient

    def fail(self, decide: Callable[[int], float]) -> None:
        """Let something else decide, by the cost of each, because the store cannot."""
        self._settle(len(self.waiting), decide)

    def abandon(self, error: Exception) -> None:
        """Tell those who wait that nobody can decide."""

        def decide(cost: int) -> float:
            raise error

        self._settle(len(self.waiting), decide)

    def _settle(self, callers: int, decide: Callable[[int], float]) -> None:
        for _ in range(min(callers, len(self.waiting))):
            cost, decision = self.waiting.popleft()
            if decision.done():
                continue
            try:
                decision.set_result(decide(cost))
            except Exception as error:  # a refusal is the caller's to hear of
                decision.set_exception(error)
