"""Following the store for access: what it holds is known before the gateway serves, and each change soon after.

While the store is away, what was known last goes on, and it is tried again until it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from apim_sdk.context import Logger
from apim_sdk.stores import Batch, Store

from apim_core.access.entries import PREFIX
from apim_core.access.opened_store import OpenedStore
from apim_core.access.stored import Stored
from apim_core.metrics import Metrics

__all__ = ["Following"]

_AT_ONCE = 50
"""Changes that are taken in before requests get their turn."""

_FIRST_RETRY = 0.1
_LONGEST_RETRY = 5.0


class Following:
    """One process's view of the store, from ``start`` to ``aclose``; snapshots of the same store share it.

    ``open_store`` opens the store, and raises OSError where it is away.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[OpenedStore]],
        log: Logger,
        metrics: Metrics,
        most_revocations: int,
    ) -> None:
        self._open = open_store
        self._log = log
        self._count_refused = metrics.counter(
            "apim_access_refused_entries", "Entries of the store for access that do not count"
        )
        self.stored = Stored(self._refuse, most_revocations=most_revocations)
        self.connected = False
        """Whether all that is in the store is known, and changes come in."""
        self._failure: Exception | None = None
        self._starting = True
        self._progressed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        stored = self.stored
        metrics.gauge("apim_access_connected", "Whether the store for access is followed", lambda: self.connected)
        metrics.gauge("apim_access_applications", "Stored applications", lambda: len(stored.applications))
        metrics.gauge("apim_access_subscriptions", "Stored subscriptions", lambda: len(stored.subscriptions))
        metrics.gauge("apim_access_revocations", "Stored revocations", lambda: len(stored.revocations))

    async def start(self, timeout: float, required: bool) -> None:
        """Follow, and wait until all is known.

        Raises OSError when the store has not said anything more for ``timeout`` seconds, unless it is not
        ``required``; and in any case what else the store's start raises.
        """
        self._task = asyncio.get_running_loop().create_task(self._run(), name="follow the store for access")
        try:
            while not self.connected:
                self._progressed.clear()
                await asyncio.wait_for(self._wait(), timeout)
        except TimeoutError:
            reason = f": {self._failure}" if self._failure is not None else ""
            if required:
                await self.aclose()
                raise OSError(f"it did not tell all that it holds within {timeout:g} s{reason}") from None
            self._log.warning("the store for access is away; only the configuration counts", reason=str(self._failure))
        except BaseException:
            await self.aclose()
            raise
        finally:
            self._starting = False

    async def _wait(self) -> None:
        """Until there is progress, or the task has ended: then raises what it died of."""
        assert self._task is not None
        progressed = asyncio.ensure_future(self._progressed.wait())
        try:
            await asyncio.wait((progressed, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            progressed.cancel()
        if self._task.done():
            self._task.result()

    async def aclose(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Follow for good. Raises what is wrong with the store's settings, if that shows at the start."""
        delay = _FIRST_RETRY
        while True:
            try:
                opened = await self._open()
                try:
                    await self._follow(opened.store)
                finally:
                    await opened.aclose()
                self._failure = ConnectionError("it ended to tell of changes")
            except OSError as error:
                self._failure = error
            except Exception as error:
                if self._starting and not self.connected:
                    raise
                self._failure = error
            if self.connected:
                self.connected, delay = False, _FIRST_RETRY
                self._log.warning("the store for access is away; what is known goes on", reason=repr(self._failure))
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_RETRY)

    async def _follow(self, store: Store) -> None:
        batches = store.follow(PREFIX)
        try:
            async for batch in batches:
                await self._take(batch)
        finally:
            close = getattr(batches, "aclose", None)
            if close is not None:
                with contextlib.suppress(OSError):
                    await close()

    async def _take(self, batch: Batch) -> None:
        if batch.first:
            self.stored.begin()
        for number, change in enumerate(batch.changes, 1):
            self.stored.apply(change)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        if batch.complete and not self.connected:
            self.connected = True
            self._log.info(
                "the store for access is followed",
                applications=len(self.stored.applications),
                subscriptions=len(self.stored.subscriptions),
                revocations=len(self.stored.revocations),
            )
        if batch.complete:
            self.stored.complete()
        self._progressed.set()

    def _refuse(self, key: str, reason: str) -> None:
        self._count_refused()
        self._log.warning("an entry of the store for access does not count", entry=key, reason=reason)
