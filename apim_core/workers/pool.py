"""N workers as one: they start together, reload together or not at all, and their numbers are added up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Any

from apim_sdk.context import Logger

from apim_core.actions import Arguments, Outcome, add_up
from apim_core.background import in_background
from apim_core.config import ConfigErrors, Configuration
from apim_core.config.server import Address
from apim_core.context import SystemClock
from apim_core.counters import NodeLedger
from apim_core.management import merge
from apim_core.metrics import Metrics
from apim_core.resources import Answered, Asked, refused
from apim_core.workers.control import Refused, WorkerGone
from apim_core.workers.shipping import pack
from apim_core.workers.slot import Shipment, Slot, Timing
from apim_core.workers.sockets import SocketSets

__all__ = ["AFTER_DRAIN", "Pool"]

_METRICS_TIMEOUT = 5.0
AFTER_DRAIN = 5.0
"""Seconds that a worker has to stop its plugins once it has drained."""


class Pool:
    """The workers of a gateway. Belongs to one event loop, which alone changes it."""

    def __init__(self, workers: int, log: Logger, timing: Timing | None = None) -> None:
        self._count = workers
        self._log = log
        self._timing = Timing() if timing is None else timing
        self._slots: tuple[Slot, ...] = ()
        self._sets: SocketSets | None = None
        self._shipment = Shipment(0, b"")
        self._configuration: Configuration | None = None
        self._since = 0.0
        self._draining = False
        self._ended = b""
        self._metrics = Metrics()
        self._metrics.gauge("apim_workers", "Workers that serve", self._serving)
        self._metrics.total(
            "apim_worker_restarts", "Workers started anew", lambda: sum(slot.restarts for slot in self._slots)
        )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the workers listen."""
        return self._sets.addresses if self._sets is not None else ()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The places of the workers."""
        return self._slots

    async def start(self, configuration: Configuration, handed: Sequence[socket]) -> None:
        """Start all workers. Raises ConfigErrors, OSError or Refused if any cannot start, and then none runs."""
        sets = self._sets = SocketSets(configuration, handed)
        self._take(configuration, await in_background(pack, configuration))
        counters = NodeLedger(SystemClock(), configuration.limits.counter_keys, lambda: self._count, self._log)
        counters.measure(self._metrics)
        self._slots = tuple(
            Slot(number, sets.open, lambda: self._shipment, self._log, self._timing, counters.attach)
            for number in range(1, self._count + 1)
        )
        for slot in self._slots:
            slot.ended = self._keep
        results = await asyncio.gather(*(slot.start() for slot in self._slots), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            now = asyncio.Event()
            now.set()
            await self.stop(now)
            raise _worst(failures)

    def _serving(self) -> int:
        return sum(slot.serving for slot in self._slots)

    async def reload(self, read: Callable[[], Configuration]) -> Configuration:
        """Serve what ``read``, run in a thread, gives in every worker, and give it back.

        Raises what it raises, ConfigErrors or Refused, and then nothing has changed.
        """
        configuration = await in_background(read)
        packed = await in_background(pack, configuration)
        serving = [slot for slot in self._slots if slot.serving]
        results = await asyncio.gather(
            *(slot.ask("prepare", packed, self._timing.start) for slot in serving), return_exceptions=True
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            await asyncio.gather(
                *(slot.ask("abort", timeout=self._timing.patience) for slot in serving), return_exceptions=True
            )
            raise _worst(failures)
        self._take(configuration, packed)
        await asyncio.gather(*(self._commit(slot) for slot in serving))
        for slot in self._slots:
            slot.hurry()
        return configuration

    async def _commit(self, slot: Slot) -> None:
        try:
            await slot.ask("commit", timeout=self._timing.patience)
            slot.version = self._shipment.version
        except (WorkerGone, Refused, TimeoutError) as error:
            # It was ready to and now is not: the worker that takes its place starts with the new configuration.
            self._log.error("a worker did not take the reload and is replaced", worker=slot.number, error=str(error))
            slot.kill()

    def _take(self, configuration: Configuration, packed: bytes) -> None:
        self._shipment = Shipment(self._shipment.version + 1, packed)
        self._configuration = configuration
        self._since = time.time()

    def _keep(self, metrics: bytes) -> None:
        """Keep what an ended worker had counted."""
        if metrics:
            self._ended = merge({}, (self._ended, metrics))

    async def stop(self, cut: asyncio.Event) -> None:
        """Drain all workers at once, as long as the configuration says or until ``cut`` is set; then end them."""
        self._draining = True
        drain = (self._configuration.timeouts.drain if self._configuration is not None else 0) + AFTER_DRAIN
        await asyncio.gather(*(slot.stop(drain, cut) for slot in self._slots))
        if self._sets is not None:
            self._sets.close()

    @property
    def ready(self) -> bool:
        """See ``apim_core.management.Observed``: at least one worker serves."""
        return not self._draining and any(slot.serving for slot in self._slots)

    def status(self) -> Mapping[str, Any]:
        """See ``apim_core.management.Observed``."""
        apis = self._configuration.apis if self._configuration is not None else ()
        return {
            "generation": self._shipment.version,
            "apis": len(apis),
            "operations": sum(len(api.operations) for api in apis),
            "since": self._since,
            "workers": [
                {
                    "worker": slot.number,
                    "pid": slot.pid,
                    "serving": slot.serving,
                    "generation": slot.version,
                    "restarts": slot.restarts,
                }
                for slot in self._slots
            ],
        }

    async def metrics(self) -> bytes:
        """See ``apim_core.management.Observed``. A worker that does not answer counts with what it said last."""
        await asyncio.gather(*(self._read_metrics(slot) for slot in self._slots if slot.serving))
        running = {str(slot.number): slot.metrics for slot in self._slots if slot.metrics}
        return merge(running, (self._ended,)) + self._metrics.exposition()

    async def _read_metrics(self, slot: Slot) -> None:
        try:
            slot.metrics = (await slot.ask("metrics", timeout=_METRICS_TIMEOUT)).payload
        except (WorkerGone, Refused, TimeoutError) as error:
            self._log.warning("a worker did not give its metrics", worker=slot.number, error=str(error))

    async def act(self, name: str, arguments: Arguments) -> Outcome:
        """Carry out what plugins offer, in every worker that serves; one that starts holds nothing of before."""
        payload = json.dumps({"action": name, "arguments": dict(arguments)}).encode()
        return add_up(await asyncio.gather(*(self._act(slot, payload) for slot in self._slots if slot.serving)))

    async def _act(self, slot: Slot, payload: bytes) -> Outcome:
        try:
            facts = (await slot.ask("act", payload, self._timing.patience)).facts
        except (WorkerGone, Refused, TimeoutError) as error:
            return Outcome(failed=(f"worker {slot.number}: {error or 'it has not answered'}",))
        return Outcome(facts["done"], tuple(facts["refused"]), tuple(facts["failed"]))

    async def show(self, asked: Asked) -> Answered:
        """What a resource answers, in the first worker that serves: it is the same in all of them."""
        slot = next((slot for slot in self._slots if slot.serving), None)
        if slot is None:
            return refused(503, "No worker serves")
        try:
            answer = await slot.ask("show", asked.packed(), self._timing.patience)
        except (WorkerGone, Refused, TimeoutError) as error:
            self._log.warning("a worker did not show a resource", worker=slot.number, error=str(error))
            return refused(503, "The worker that was asked has not answered: try again")
        return Answered(answer.facts["status"], answer.payload)


def _worst(failures: Sequence[BaseException]) -> BaseException:
    """The failure that says most: what is wrong with the configuration, else the first."""
    return next((failure for failure in failures if isinstance(failure, ConfigErrors)), failures[0])
