"""One process that serves: a gateway, and perhaps a snapshot that is prepared to come after.

A reload has two steps, so that several processes can take it together or not at all: ``prepare`` builds and starts the
new snapshot beside the one that serves, ``commit`` swaps, ``abort`` throws the new one away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Any

from apim_sdk.context import Logger

from apim_core.actions import Arguments, Outcome, add_up
from apim_core.background import in_background
from apim_core.config import Configuration
from apim_core.counters import NodeCounters
from apim_core.gateway import Gateway
from apim_core.http.tls import Certificates
from apim_core.listeners import server_settings
from apim_core.registry import Registry
from apim_core.resources import Answered, Asked, refused
from apim_core.snapshot import Snapshot
from apim_core.workers.heap import Heap

__all__ = ["Serving"]


class Serving:
    """The gateway of this process."""

    def __init__(self, log: Logger, registry: Registry | None = None, node: NodeCounters | None = None) -> None:
        self._gateway = Gateway(log, registry, node)
        self._prepared: Snapshot | None = None
        self._since = 0.0
        self._heap = Heap()
        self.shared = self._gateway.shared
        """What the plugins of this process share."""
        self.revocations = self._gateway.revocations
        """What counts as revoked where there is no store for access."""

    async def start(self, configuration: Configuration, sockets: Sequence[socket]) -> None:
        """Serve on ``sockets``, one a listener. Raises ConfigErrors."""
        with self._heap.building():
            await self._gateway.start(configuration, sockets)
        self._since = time.time()

    async def prepare(self, read: Callable[[], Configuration]) -> Configuration:
        """Build and start the next snapshot from what ``read``, run in a thread, gives.

        Raises what ``read`` raises, ConfigErrors and OSError, and then nothing is prepared.
        """
        await self.abort()
        self._heap.sweep()
        with self._heap.building():
            configuration = await in_background(read)
            _check_certificates(configuration)
            self._prepared = await self._gateway.build(configuration)
        return configuration

    async def commit(self) -> None:
        """Serve what was prepared from the next request on, with the certificates of now.

        Raises RuntimeError where nothing was prepared, OSError or ValueError where certificates changed for the worse.
        """
        if self._prepared is None:
            raise RuntimeError("nothing is prepared to be served")
        self._heap.replaced(self._gateway.snapshot)
        self._gateway.swap(self._prepared)
        self._prepared = None
        self._since = time.time()

    async def abort(self) -> None:
        """Throw away what was prepared, if anything was."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await prepared.stop()

    async def stop(self, cut: asyncio.Event) -> None:
        """Drain, as long as the configuration says or until ``cut`` is set; then end what is left."""
        drain = asyncio.create_task(self._gateway.drain())
        cutting = asyncio.create_task(cut.wait())
        await asyncio.wait((drain, cutting), return_when=asyncio.FIRST_COMPLETED)
        for task in (drain, cutting):
            task.cancel()
        await asyncio.gather(drain, cutting, return_exceptions=True)
        await self.abort()
        await self._gateway.stop()

    @property
    def ready(self) -> bool:
        """See ``apim_core.management.Observed``."""
        return self._gateway.ready

    def status(self) -> Mapping[str, Any]:
        """See ``apim_core.management.Observed``."""
        snapshot = self._gateway.snapshot
        if snapshot is None:
            return {"generation": 0, "apis": 0, "operations": 0, "since": 0.0, "active": 0}
        apis = snapshot.configuration.apis
        return {
            "generation": snapshot.generation,
            "apis": len(apis),
            "operations": sum(len(api.operations) for api in apis),
            "since": self._since,
            "active": snapshot.active,
        }

    async def metrics(self) -> bytes:
        """See ``apim_core.management.Observed``."""
        return self._gateway.metrics.exposition()

    async def act(self, name: str, arguments: Arguments) -> Outcome:
        """Carry out what plugins offer, by those of the snapshot that serves and of one that is prepared."""
        snapshots = [each for each in (self._gateway.snapshot, self._prepared) if each is not None]
        return add_up([await each.actions.act(name, arguments) for each in snapshots])

    async def show(self, asked: Asked) -> Answered:
        """What a resource of the snapshot that serves answers."""
        snapshot = self._gateway.snapshot
        return refused(503, "Nothing is served yet") if snapshot is None else await snapshot.resources.answer(asked)


def _check_certificates(configuration: Configuration) -> None:
    """Read the files of all listeners, so that bad ones are found before anything changes. Raises OSError."""
    for listener in configuration.listen:
        tls = server_settings(configuration, listener).tls
        if tls is not None:
            try:
                Certificates(tls)
            except ValueError as error:
                raise OSError(f"the certificates of {listener.address} cannot be used: {error}") from error
