"""Stores of every kind, opened as gateways open them: each by a context of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import attrs
from apim_sdk import Batch, Store
from apim_sdk.testing.context import FakeContext, started


class RealClock:
    """The clock of the machine."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@attrs.frozen
class Space:
    """Values that nobody else uses. ``make`` configures a store that sees them, each time another one."""

    name: str
    make: Callable[[], Store]
    one_process: bool = False

    @contextlib.asynccontextmanager
    async def opened(self, count: int = 1) -> AsyncIterator[tuple[Store, ...]]:
        """So many gateways' stores; of a store in memory, those of so many configurations of one gateway."""
        async with contextlib.AsyncExitStack() as stack:
            stores: list[Store] = []
            if self.one_process:
                shared = FakeContext(clock=RealClock())
                stores = [self.make() for _ in range(count)]
                for store in stores[1:]:
                    await store.start(shared)
                await stack.enter_async_context(started(stores[0], shared))
            else:
                for _ in range(count):
                    opened = started(self.make(), FakeContext(clock=RealClock()))
                    stores.append(await stack.enter_async_context(opened))
            yield tuple(stores)


async def eventually(condition: Callable[[], Awaitable[object]], seconds: float = 10.0) -> float:
    """After how many seconds a condition came true; fails if it does not."""
    start = time.monotonic()
    while not await condition():
        assert time.monotonic() < start + seconds, "it never came true"
        await asyncio.sleep(0.005)
    return time.monotonic() - start


class Follower:
    """What a follower of a store knows: ``values`` as of now, and every change that it was told, in order."""

    def __init__(self, store: Store, prefix: str = "") -> None:
        self.values: dict[str, bytes] = {}
        self.changes: list[tuple[str, bytes | None]] = []
        self.firsts = 0
        self.complete = asyncio.Event()
        self._batches = store.follow(prefix)
        self._news = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        async for batch in self._batches:
            self._take(batch)

    def _take(self, batch: Batch) -> None:
        if batch.first:
            self.firsts += 1
            self.values.clear()
        for change in batch.changes:
            self.changes.append((change.key, change.value))
            if change.value is None:
                self.values.pop(change.key, None)
            else:
                self.values[change.key] = change.value
        if batch.complete:
            self.complete.set()
        self._news.set()

    async def until(self, condition: Callable[[Follower], object], seconds: float = 10.0) -> float:
        """After how many seconds a condition on the follower came true; fails if it does not."""
        start = time.monotonic()
        async with asyncio.timeout(seconds):
            while not condition(self):
                self._news.clear()
                waiting = asyncio.ensure_future(self._news.wait())
                await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self._task.done():
                    self._task.result()
        return time.monotonic() - start

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(self._batches, AsyncGenerator):
            await self._batches.aclose()


@contextlib.asynccontextmanager
async def following(store: Store, prefix: str = "") -> AsyncIterator[Follower]:
    """A follower that knows all there is."""
    follower = Follower(store, prefix)
    try:
        await follower.until(lambda each: each.complete.is_set())
        yield follower
    finally:
        await follower.aclose()
