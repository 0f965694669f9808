"""A snapshot: a configuration that has been assembled and started, and never changes again."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import attrs
from apim_sdk import CounterStore
from apim_sdk.context import Logger

from apim_core.access.following import Following
from apim_core.access.opened_store import OpenedStore, identity_of
from apim_core.access.revocations import Revocations
from apim_core.actions import Actions
from apim_core.assembly import Assembly
from apim_core.assembly.plugins import Built
from apim_core.config import ConfigErrors, Problem
from apim_core.context import CoreContext, Resources, SystemClock
from apim_core.egress import Egress
from apim_core.listeners import via_name
from apim_core.metrics import Metrics
from apim_core.recorder import Recorder
from apim_core.registry import Registry
from apim_core.resources import PluginResources
from apim_core.sharing import Shared
from apim_core.tasks import Tasks
from apim_core.upstreams import Upstreams

__all__ = ["Snapshot"]

_STARTED_AT_ONCE = 100
"""How many plugins start before the loop gets to serve again: most need not wait for anything when they start."""


class Snapshot:
    """One generation of the gateway.

    ``active`` counts the exchanges that are on it; the gateway counts up and down. ``start`` starts every plugin or
    none: where one fails, those before it are stopped again and ConfigErrors tells of each that failed.
    """

    def __init__(
        self,
        assembly: Assembly,
        shared: Shared,
        upstreams: Upstreams,
        metrics: Metrics,
        revocations: Revocations,
        log: Logger,
        registry: Registry | None = None,
        node: CounterStore | None = None,
    ) -> None:
        self.assembly = assembly
        self.configuration = assembly.configuration
        self.pipeline = assembly.pipeline
        self.generation = 0
        self.active = 0
        self.most_active = self.configuration.limits.requests
        self._log = log
        self._registry = registry
        self._shared = shared
        self._metrics = metrics
        self._lease = shared.lease()
        egress = self.configuration.egress
        self._egress = Egress(egress.allow, limit=egress.response, timeout=egress.timeout)
        self._background = Tasks(log)
        self._started: list[Built] = []
        self._drained: asyncio.Event | None = None
        self.actions = Actions()
        governor = assembly.governor
        self.resources = PluginResources({} if governor is None else {"governance": governor.resources()}, log)
        self.recorder = Recorder(assembly.sinks, partial(_tell_of_lost_records, log))
        self._resources = Resources(
            SystemClock(),
            log,
            metrics,
            assembly.directory,
            revocations,
            assembly.key_managers,
            assembly.stores,
            assembly.counters,
            node,
            self._egress,
            self._lease,
            self._background.spawn,
            upstreams,
            via_name(self.configuration),
            self.actions,
        )

    async def start(self) -> None:
        """Start the plugins, in the order of the configuration. Raises ConfigErrors."""
        problems: list[Problem] = []
        try:
            await self._follow_access()
            for number, built in enumerate(self.assembly.plugins):
                if number % _STARTED_AT_ONCE == 0:
                    await asyncio.sleep(0)
                try:
                    await built.plugin.start(CoreContext(self._resources, built.place, built.name, built.key_managers))
                except (ValueError, LookupError, OSError) as error:
                    text = error.args[0] if isinstance(error, LookupError) and error.args else str(error)
                    problems.append(_problem(built, text))
                except Exception as error:
                    self._log.error("a plugin failed to start", plugin=built.place, exc_info=error)
                    problems.append(_problem(built, f"{type(error).__name__}: {error}"))
                else:
                    self._started.append(built)
        except BaseException:
            await self.stop()
            raise
        if problems:
            await self.stop()
            raise ConfigErrors(problems)

    async def _follow_access(self) -> None:
        """Know what the store for access holds. Raises ConfigErrors where that cannot be had."""
        configuration = self.configuration
        access = configuration.access
        if access.store is None:
            return

        kept = attrs.evolve(configuration, apis=(), applications=())  # it may outlast this snapshot

        async def follow() -> Following:
            opening = partial(OpenedStore.open, kept, registry, shared, metrics, log)
            following = Following(opening, log, metrics, access.revocations)
            await following.start(access.timeout, access.required)
            return following

        registry, shared, metrics, log = self._registry or Registry(), self._shared, self._metrics, self._log
        try:
            following: Following = await self._lease.take(identity_of(configuration), follow)
        except (ValueError, LookupError, OSError) as error:
            text = error.args[0] if isinstance(error, LookupError) and error.args else str(error)
            source = access.source
            message = f"the store {access.store!r} cannot be followed: {text}"
            raise ConfigErrors([Problem(source.file, None, None, f"{source.pointer}/store", message)]) from error
        self.assembly.directory.bind(following.stored)
        self._resources = attrs.evolve(self._resources, revocations=following.stored.revocations)

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
        await self.recorder.stop(self.configuration.timeouts.drain)
        for built in reversed(self._started):
            try:
                await built.plugin.stop()
            except Exception as error:
                self._log.error("a plugin failed to stop", plugin=built.place, error=repr(error))
        self._started.clear()
        await self._background.stop()
        for failure in await self._lease.release():
            self._log.error("what plugins shared failed to close", error=repr(failure))
        await self._egress.close()


def _tell_of_lost_records(log: Logger, sink: str, error: BaseException) -> None:
    log.error("a sink lost a batch of records", sink=sink, error=repr(error))


def _problem(built: Built, text: str) -> Problem:
    return Problem(
        built.source.file, None, None, built.source.pointer, f"{built.name} cannot start: {text}", at_key=True
    )
