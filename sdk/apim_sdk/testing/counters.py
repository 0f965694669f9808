"""A counter store under the control of a test: the SDK's tables, as near or as far as the test wants them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable

from apim_sdk.counters import CounterStore, SharedCounter
from apim_sdk.counting import Clock, Grant, Limit, Table, open_table
from apim_sdk.testing.recorders import FakeClock

__all__ = ["FakeCounterStore"]


class FakeCounterStore(CounterStore):
    """A store that counts by ``clock``.

    ``away`` makes every question raise ConnectionError, ``silent`` leaves it without an answer although it counts;
    ``latency`` is how many seconds of the event loop's time a question is on its way, half of it to the store and half
    back. ``asked`` counts the questions by name: ``grant``, ``settle``, ``reset``, ``members``. ``lose`` forgets all
    counts, as a restart without persistence does.
    """

    def __init__(self, clock: Clock | None = None, *, members: int = 1, latency: float = 0.0) -> None:
        self.away = False
        self.silent = False
        self.latency = latency
        self.asked: Counter[str] = Counter()
        self.counting = members
        """How many processes it says that count."""
        self._clock = FakeClock() if clock is None else clock
        self._tables: dict[tuple[object, ...], Table] = {}

    def counter(self, name: str, limit: Limit) -> SharedCounter:
        """The counter of that name and window."""
        return _FakeCounter(self, (name, limit))

    async def members(self) -> int:
        """What ``counting`` says."""
        await self.travel("members")
        await self.back()
        return self.counting

    def table(self, name: str, limit: Limit) -> Table:
        """The table behind a counter, as it is at the store; it goes on under another limit of the same window."""
        key = (name, limit.algorithm, limit.seconds, limit.calendar)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = open_table(limit, self._clock)
        elif table.limit != limit:
            table.adopt(limit)
        return table

    def lose(self) -> None:
        """Forget all counts."""
        self._tables.clear()

    async def travel(self, question: str) -> None:
        """Be on the way to the store. Raises ConnectionError where it is away."""
        self.asked[question] += 1
        if self.latency:
            await asyncio.sleep(self.latency / 2)
        if self.away:
            raise ConnectionError("the counter store is away")

    async def back(self) -> None:
        """Be on the way back."""
        if self.silent:
            await asyncio.get_running_loop().create_future()
        if self.latency:
            await asyncio.sleep(self.latency / 2)


class _FakeCounter:
    """One limit in the store."""

    def __init__(self, store: FakeCounterStore, key: tuple[str, Limit]) -> None:
        self._store = store
        self._key = key

    def grant(self, key: str, least: int, most: int) -> Awaitable[Grant]:
        return self._grant(_checked(key), least, most)

    async def _grant(self, key: str, least: int, most: int) -> Grant:
        await self._store.travel("grant")
        granted = self._store.table(*self._key).grant(key, least, most)
        await self._store.back()
        return granted

    def settle(self, key: str, units: int) -> Awaitable[Grant]:
        return self._settle(_checked(key), units)

    async def _settle(self, key: str, units: int) -> Grant:
        await self._store.travel("settle")
        table = self._store.table(*self._key)
        if units:
            table.settle(key, units)
        standing = table.standing(key)
        await self._store.back()
        return standing

    def reset(self, key: str) -> Awaitable[None]:
        return self._reset(_checked(key))

    async def _reset(self, key: str) -> None:
        await self._store.travel("reset")
        self._store.table(*self._key).reset(key)
        await self._store.back()


def _checked(key: str) -> str:
    """A key as stores take it. Raises TypeError or ValueError for another one: whoever made it is mistaken."""
    if not isinstance(key, str):
        raise TypeError(f"{key!r:.80} is no key of a counter store: it is a text")
    if len(key) > 512:
        raise ValueError(f"a key of a counter store has at most 512 characters, not {len(key)}")
    return key
