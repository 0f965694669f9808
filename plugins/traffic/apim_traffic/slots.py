"""So many at once, for each key; who finds no room waits in line, or does not.

A slot that becomes free goes to whoever has waited longest. Who leaves the line at the moment in which a slot is handed
over hands it on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable

__all__ = ["Permit", "SlotTable", "Slots"]


class Bound:
    """How many slots there are of each key."""

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        self.most = most


class Slots:
    """The slots of one key. ``used`` of them are taken; ``waiting`` are those in line."""

    __slots__ = ("bound", "used", "waiting")

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.used = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> Permit | None:
        """A slot, if one is free."""
        if self.used >= self.bound.most:
            return None
        self.used += 1
        return Permit(self)

    async def wait(self, seconds: float) -> Permit:
        """A slot, as soon as it is this caller's turn. Raises TimeoutError after ``seconds``."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.release()
            elif waiter in self.waiting:  # else it was passed over already
                self.waiting.remove(waiter)
            raise
        return Permit(self)

    def release(self) -> None:
        """Give a slot back: to the next in line, if there is one."""
        if self.used <= self.bound.most and self._hand_on():
            return
        self.used -= 1

    def fill(self) -> None:
        """Hand out what has become free because there are more slots now."""
        while self.used < self.bound.most and self._hand_on():
            self.used += 1

    def _hand_on(self) -> bool:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return True
        return False


class Permit:
    """A slot that somebody holds; it can be given back once, however often that is tried."""

    __slots__ = ("_slots",)

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def release(self) -> None:
        """Give the slot back."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


class SlotTable:
    """The slots of each key, ``most`` for each. Only keys that are in use take room. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._bound = Bound(most)
        self._slots: OrderedDict[Hashable, Slots] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    def of(self, key: Hashable) -> Slots:
        """The slots of a key."""
        slots = self._slots.get(key)
        if slots is None:
            self._sweep()
            slots = self._slots[key] = Slots(self._bound)
        return slots

    @property
    def used(self) -> int:
        """How many slots are taken, of all keys."""
        return sum(slots.used for slots in self._slots.values())

    def bound(self, most: int) -> None:
        """Let there be ``most`` from now on; what is taken stays so."""
        self._bound.most = most
        for slots in self._slots.values():
            slots.fill()

    def _sweep(self) -> None:
        """Each new key looks at two old ones, so that those nobody uses leave without a pause for anybody."""
        for _ in range(min(2, len(self._slots))):
            key, slots = self._slots.popitem(last=False)
            if slots.used:
                self._slots[key] = slots
