"""The way to a counter store, which all limits of a process that count there have in common.

It waits for an answer no longer than it may. A store that failed is away until it answers again: nobody waits for it,
and only the link itself tries it, once a second. One answer that is late is no such failure, three in a row are.

It also knows how many processes count with the store. Those that start together soon know of each other: the link asks
again after a tenth of a second, then after twice as long each time, up to five seconds, and from the beginning when the
number has changed. Until then, and while the store is away, there are as many as the node has workers.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from apim_sdk import Context
from apim_sdk.context import Logger
from apim_sdk.counters import CounterStore

__all__ = ["Link"]

Answer = TypeVar("Answer")

_LATE: Final = 3
"""Answers in a row that may come too late before the store is away."""
_RETRY: Final = 1.0
"""Seconds between attempts while the store is away."""
_SOONEST: Final = 0.1
_LATEST: Final = 5.0
"""Seconds after which it is asked again how many processes count with it: at first, and in the long run."""
_SETTLING: Final = 5.0
"""Seconds for which a store that is back may say that fewer do, because the others have not asked it yet."""
_PATIENCE: Final = 1.0
"""Seconds that such a question may take."""
_SILENCE: Final = 60.0
"""Seconds until the log says the same of the store again."""


class Link:
    """Whether the store is there, and how many processes count with it. It belongs to one event loop."""

    def __init__(
        self,
        store: CounterStore,
        monotonic: Callable[[], float],
        log: Logger,
        failed: Callable[..., None],
        workers: int = 1,
    ) -> None:
        self.away = False
        """Whether the store is not to be asked now."""
        self.members = workers
        """How many processes counted with the store when it was last known; the workers of the node at least."""
        self._workers = workers
        self._pause = _SOONEST
        self._settled_at = -math.inf
        self._store = store
        self._monotonic = monotonic
        self._log = log
        self._count = failed
        self._failures = 0
        self._quiet_until: dict[str, float] = {}
        self._lost = asyncio.Event()
        self._owing: dict[Callable[[], Awaitable[None]], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, store: CounterStore, context: Context) -> Link:
        """A link that knows how many processes count with the store, if that is there."""
        failed = context.metrics.counter(
            "apim_counter_store_failures_total", "Questions that a counter store did not answer", ("failure",)
        )
        workers = await _workers(context, store)
        link = cls(store, context.clock.monotonic, context.log, failed, workers)
        await link._look()
        link.spawn(link._watch())
        return link

    async def ask(self, timeout: float, question: Callable[..., Awaitable[Answer]], *arguments: Any) -> Answer:
        """What the store answers. Raises OSError where it does not in ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                answer = await question(*arguments)
        except OSError as error:
            self._failed(error)
            raise
        if self._failures or self._owing:
            self._worked()
        return answer

    def when_back(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Call this, once, when the store has answered again."""
        self._owing[settle] = None

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task until the link is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Stop watching."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_RETRY if self.away else self._pause):
                    await self._lost.wait()
                self._lost.clear()
            except TimeoutError:
                await self._look()

    async def _look(self) -> None:
        try:
            found = max(await self.ask(_PATIENCE, self._store.members), self._workers)
        except OSError:  # `ask` has told it
            return
        if self._monotonic() < self._settled_at:
            found = max(found, self.members)
        self._pause = min(2 * self._pause, _LATEST) if found == self.members else _SOONEST
        self.members = found

    def _failed(self, error: OSError) -> None:
        late = isinstance(error, TimeoutError)
        self._count("late" if late else "away")
        self._failures += 1
        if self.away or (late and self._failures < _LATE):
            return
        self.away = True
        self._lost.set()
        self._say("the counter store is away; limits go by on_store_error", error=str(error) or type(error).__name__)

    def _worked(self) -> None:
        self._failures = 0
        if self.away:
            self.away = False
            self._pause, self._settled_at = _SOONEST, self._monotonic() + _SETTLING
            self._say("the counter store is back")
        owing, self._owing = self._owing, {}
        for settle in owing:
            self.spawn(_run(settle))

    def _say(self, event: str, **facts: Any) -> None:
        now = self._monotonic()
        if now >= self._quiet_until.get(event, now):
            self._quiet_until[event] = now + _SILENCE
            self._log.warning(event, **facts)


async def _workers(context: Context, store: CounterStore) -> int:
    """How many processes of this node count with a store, whether that is there or not."""
    node = context.counters("node")
    if node is None or node is store:
        return 1
    try:
        return await node.members()
    except OSError as error:
        context.log.warning("the supervisor does not say how many workers there are", error=str(error))
        return 1


async def _run(settle: Callable[[], Awaitable[None]]) -> None:
    await settle()
