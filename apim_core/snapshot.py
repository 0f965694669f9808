"""A snapshot: a configuration that has been assembled and started, and never changes again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from apim_sdk.context import Logger

from apim_core.assembly import Assembly
from apim_core.assembly.plugins import Built
from apim_core.config import ConfigErrors, Problem
from apim_core.context import CoreContext, Resources, SystemClock
from apim_core.egress import Egress
from apim_core.metrics import Metrics
from apim_core.recorder import Recorder
from apim_core.sharing import Shared

__all__ = ["Snapshot"]

_STARTED_AT_ONCE = 100
"""How many plugins start before the loop gets to serve again: most need not wait for anything when they start."""


class Snapshot:
    """One generation of the gateway.

    ``active`` counts the exchanges that are on it; the gateway counts up and down. ``start`` starts every plugin or
    none: where one fails, those before it are stopped again and ConfigErrors tells of each that failed.
    """

    def __init__(self, assembly: Assembly, shared: Shared, metrics: Metrics, log: Logger) -> None:
        self.assembly = assembly
        self.configuration = assembly.configuration
        self.pipeline = assembly.pipeline
        self.generation = 0
        self.active = 0
        self.most_active = self.configuration.limits.requests
        self._log = log
        self._lease = shared.lease()
        egress = self.configuration.egress
        self._egress = Egress(egress.allow, limit=egress.response, timeout=egress.timeout)
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: list[Built] = []
        self._drained: asyncio.Event | None = None
        self.recorder = Recorder(assembly.sinks, self._sink_failed)
        self._resources = Resources(
            SystemClock(),
            log,
            metrics,
            assembly.directory,
            assembly.key_managers,
            self._egress,
            self._lease,
            self._spawn,
        )

    async def start(self) -> None:
        """Start the plugins, in the order of the configuration. Raises ConfigErrors."""
        problems: list[Problem] = []
        try:
            for number, built in enumerate(self.assembly.plugins):
                if number % _STARTED_AT_ONCE == 0:
                    await asyncio.sleep(0)
                try:
                    await built.plugin.start(CoreContext(self._resources, built.place, built.name))
                except (ValueError, LookupError, OSError) as error:
                    problems.append(_problem(built, error))
                else:
                    self._started.append(built)
        except BaseException:
            await self.stop()
            raise
        if problems:
            await self.stop()
            raise ConfigErrors(problems)

    def left(self) -> None:
        """An exchange is over."""
        self.active -= 1
        if not self.active and self._drained is not None:
            self._drained.set()

    async def drain(self, timeout: float) -> bool:
        """Wait until no exchange is on the snapshot; False if ``timeout`` seconds were not enough."""
        if self.active:
            self._drained = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), timeout)
        return not self.active

    async def stop(self) -> None:
        """Hand over the last records, stop every plugin, end background tasks, give back what is shared."""
        await self.recorder.stop()
        for built in reversed(self._started):
            try:
                await built.plugin.stop()
            except Exception as error:
                self._log.error("a plugin failed to stop", plugin=built.place, error=repr(error))
        self._started.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for failure in await self._lease.release():
            self._log.error("what plugins shared failed to close", error=repr(failure))
        await self._egress.close()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a background task failed", task=task.get_name(), error=repr(error))

    def _sink_failed(self, name: str, error: BaseException) -> None:
        self._log.error("a sink lost a batch of records", sink=name, error=repr(error))


def _problem(built: Built, error: Exception) -> Problem:
    text = error.args[0] if isinstance(error, LookupError) and error.args else str(error)
    return Problem(
        built.source.file, None, None, built.source.pointer, f"{built.name} cannot start: {text}", at_key=True
    )
