"""A store of the configuration that the gateway has opened for itself: it outlasts snapshots, which have their own."""

from __future__ import annotations

import json
from collections.abc import Hashable

from apim_sdk.context import Logger
from apim_sdk.stores import Store

from apim_core.access.directory import Directory
from apim_core.access.revocations import Revocations
from apim_core.assembly.plugins import Builder
from apim_core.config import ConfigErrors, Configuration
from apim_core.context import CoreContext, Resources, SystemClock
from apim_core.egress import Egress
from apim_core.listeners import via_name
from apim_core.metrics import Metrics
from apim_core.registry import Registry
from apim_core.sharing import Lease, Shared
from apim_core.tasks import Tasks
from apim_core.upstreams import Upstreams

__all__ = ["OpenedStore", "identity_of"]


class OpenedStore:
    """The store for access between its start and ``aclose``."""

    def __init__(self, store: Store, egress: Egress, lease: Lease, tasks: Tasks) -> None:
        self.store = store
        self._egress = egress
        self._lease = lease
        self._tasks = tasks

    @classmethod
    async def open(
        cls, configuration: Configuration, registry: Registry, shared: Shared, metrics: Metrics, log: Logger
    ) -> OpenedStore:
        """The store that ``access.store`` names, started.

        Raises ConfigErrors where it cannot be built, OSError where it is away, and what else its start raises.
        """
        name = configuration.access.store
        assert name is not None
        builder = Builder(registry)
        store = builder.build(configuration.stores[name], Store, f"stores/{name}")
        if store is None:
            raise ConfigErrors(builder.problems)
        guard = configuration.egress
        opened = cls(
            store, Egress(guard.allow, limit=guard.response, timeout=guard.timeout), shared.lease(), Tasks(log)
        )
        resources = Resources(
            clock=SystemClock(),
            log=log,
            metrics=metrics,
            applications=Directory(),
            revocations=Revocations(SystemClock.now),
            key_managers={},
            stores={},
            counters={},
            node=None,
            egress=opened._egress,
            lease=opened._lease,
            spawn=opened._tasks.spawn,
            upstreams=Upstreams(),
            via=via_name(configuration),
        )
        built = builder.built[0]
        try:
            await store.start(CoreContext(resources, built.place, built.name))
        except BaseException:
            await opened._let_go()
            raise
        return opened

    async def aclose(self) -> None:
        """Stop the store."""
        try:
            await self.store.stop()
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        await self._tasks.stop()
        await self._lease.release()
        await self._egress.close()


def identity_of(configuration: Configuration) -> Hashable:
    """Equal for configurations that have the same store for access; None if it has none."""
    access = configuration.access
    if access.store is None:
        return None
    reference = configuration.stores[access.store]
    settings = json.dumps(reference.settings, sort_keys=True, default=repr)
    return ("access", access.store, reference.name, settings, reference.source.file, access.revocations)
