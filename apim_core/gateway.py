"""The gateway: one process that serves one snapshot at a time, and swaps it for the next without losing a request.

    build -> start beside the old -> swap one reference -> drain the old -> stop it

An exchange keeps the snapshot that it started on. A configuration that cannot be built or started is refused whole,
and the old one goes on serving.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from socket import socket
from typing import Any

from apim_sdk import errors
from apim_sdk.context import Logger
from apim_sdk.errors import Fault
from apim_sdk.exchange import Exchange
from apim_sdk.governance import Judgement
from apim_sdk.messages import Response
from apim_sdk.record import Record

from apim_core.access.revocations import Revocations
from apim_core.assembly import Assembly, Observer, assemble
from apim_core.background import in_background
from apim_core.config import ConfigErrors, Configuration, locate_problems
from apim_core.counters import NodeCounters
from apim_core.faults import response_of
from apim_core.http.server import Server
from apim_core.http.stream import ClientGone, Stream
from apim_core.listeners import certificate_problems, open_sockets, server_settings
from apim_core.messages import open_meters
from apim_core.metrics import Metrics
from apim_core.pipeline import Answer
from apim_core.registry import Registry
from apim_core.sharing import Shared
from apim_core.snapshot import Snapshot
from apim_core.upstreams import Upstreams

__all__ = ["CLIENT_CLOSED", "Gateway"]

CLIENT_CLOSED = 499
"""The status in the record of an exchange whose client went away before the answer was sent."""

_MOST_TOLD = 100
"""Findings of governance that are logged for one configuration; `apim check` tells all."""


class Gateway:
    """See the module. ``ready`` tells whether it serves and is not draining; ``node`` counts for several workers."""

    def __init__(self, log: Logger, registry: Registry | None = None, node: NodeCounters | None = None) -> None:
        self._log = log
        self.registry = Registry() if registry is None else registry
        self.metrics = Metrics()
        self._node = node
        if node is not None:
            node.measure(self.metrics)
        self.shared = Shared()
        self.ready = False
        self.snapshot: Snapshot | None = None
        self._generation = 0
        self._building = asyncio.Lock()
        self._listening: Counter[str] = Counter()
        self.upstreams = Upstreams()
        self.revocations = Revocations(time.time)
        self._servers: list[Server] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._plugin_failures = self.metrics.counter(
            "apim_plugin_failures", "Exchanges in which a plugin raised what it should not have", ["plugin"]
        )
        self._condition_errors = self.metrics.counter(
            "apim_condition_errors", "Conditions of steps that had an error", ["step"]
        )
        self._governance_findings = self.metrics.counter(
            "apim_governance_findings", "Findings of governance in configurations that were taken", ["severity"]
        )
        self.metrics.gauge("apim_generation", "Number of the snapshot that serves", lambda: self._generation)
        self.metrics.gauge("apim_active_exchanges", "Exchanges on the snapshot that serves", self._active)
        self.metrics.total(
            "apim_revocations_refused", "Revocations of this process without room", lambda: self.revocations.refused
        )
        self.metrics.total("apim_records_dropped", "Records that no sink got", self._dropped)
        self.metrics.totals("apim_listener", "What happened at listeners", "event", lambda: self._listening)
        self.metrics.totals("apim_upstream", "What happened on connections to backends", "event", self._upstream_totals)
        self.metrics.gauge(
            "apim_upstream_connections", "Connections to backends", lambda: self.upstreams.counts().get("open", 0)
        )
        self._observer = Observer(
            self._plugin_failed, lambda step: self._condition_errors(step), open_meters(self.metrics)
        )

    async def build(self, configuration: Configuration, tell: bool = True) -> Snapshot:
        """A started snapshot beside the one that serves. Raises ConfigErrors, each problem with its line.

        With ``tell``, what governance found is logged and counted.

        A large configuration takes seconds to compile; that happens in a thread, and the loop goes on serving.
        """
        try:
            async with self._building:
                assembly = await in_background(self._assemble, configuration)
                snapshot = Snapshot(
                    assembly,
                    self.shared,
                    self.upstreams,
                    self.metrics,
                    self.revocations,
                    self._log,
                    self.registry,
                    self._node,
                )
                await snapshot.start()
        except ConfigErrors as errors:
            raise ConfigErrors(locate_problems(errors.problems)) from None
        if tell:
            self._tell(assembly.judgements)
        return snapshot

    def _tell(self, judgements: Sequence[Judgement]) -> None:
        for judgement in judgements:
            self._governance_findings(judgement.severity)
        for judgement in judgements[:_MOST_TOLD]:
            self._log.warning(
                "governance",
                policy=judgement.policy,
                rule=judgement.rule,
                severity=judgement.severity,
                problem=judgement.message,
                place=f"{judgement.source}:{judgement.line}:{judgement.column}",
            )
        if len(judgements) > _MOST_TOLD:
            self._log.warning("governance found more", findings=len(judgements) - _MOST_TOLD)

    def _assemble(self, configuration: Configuration) -> Assembly:
        problems = list(certificate_problems(configuration))
        try:
            assembly = assemble(configuration, self.registry, self._observer)
        except ConfigErrors as errors:
            raise ConfigErrors([*problems, *errors.problems]) from None
        if problems:
            raise ConfigErrors(problems)
        return assembly

    async def start(self, configuration: Configuration, sockets: Sequence[socket] | None = None) -> None:
        """Build the first snapshot, and serve it on ``sockets`` (one a listener), or on those that it names."""
        snapshot = await self.build(configuration)
        self._install(snapshot)
        listening = open_sockets(configuration) if sockets is None else list(sockets)
        for listener, each in zip(configuration.listen, listening, strict=True):
            server = Server(
                self.handle, server_settings(configuration, listener), refuse=self.refuse, counters=self._listening
            )
            await server.start([each])
            self._servers.append(server)
        self.ready = True

    async def reload(self, configuration: Configuration) -> None:
        """Swap to a new configuration, or raise ConfigErrors and change nothing."""
        self.swap(await self.build(configuration))

    def swap(self, snapshot: Snapshot) -> None:
        """Serve what ``build`` made from the next request on; the snapshot before it drains and stops.

        Certificates are read again. Raises OSError or ValueError where that fails, and then nothing has changed.
        """
        for server in self._servers:
            server.reload_certificates()
        old = self.snapshot
        self._install(snapshot)
        if old is not None:
            task = asyncio.get_running_loop().create_task(self._retire(old))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def _install(self, snapshot: Snapshot) -> None:
        self._generation += 1
        snapshot.generation = self._generation
        self.revocations.most = snapshot.configuration.access.revocations
        self.snapshot = snapshot
        self.registry.hooks.hook.apim_snapshot_started(generation=snapshot.generation)

    async def _retire(self, snapshot: Snapshot) -> None:
        await snapshot.drain(snapshot.configuration.timeouts.drain)
        await snapshot.stop()
        self.registry.hooks.hook.apim_snapshot_stopped(generation=snapshot.generation)

    async def drain(self, timeout: float | None = None) -> None:
        """Take no new connections, and let running exchanges end."""
        self.ready = False
        if self.snapshot is not None and timeout is None:
            timeout = self.snapshot.configuration.timeouts.drain
        await asyncio.gather(*(server.drain(timeout or 0) for server in self._servers))

    async def stop(self) -> None:
        """End what is left, and stop the snapshot."""
        self.ready = False
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._servers.clear()
        await asyncio.gather(*self._retiring)
        if self.snapshot is not None:
            await self._retire(self.snapshot)
            self.snapshot = None

    def handle(self, stream: Stream) -> Coroutine[Any, Any, None] | None:
        """Take one request along the pipeline, answer it, and record it; a coroutine of what has to wait."""
        snapshot = self.snapshot
        assert snapshot is not None
        if snapshot.active >= snapshot.most_active:
            refusal = self.refuse(Fault(errors.TOO_BUSY))
            return None if stream.respond_at_once(refusal) else stream.respond(refusal)
        snapshot.active += 1
        exchange = Exchange(stream.request, stream.client, started=time.monotonic())
        exchange._wire = stream
        answer = snapshot.pipeline.answer(exchange)
        if isinstance(answer, Response):
            try:
                answered = stream.respond_at_once(answer)
            except BaseException:
                self._over(snapshot, stream, exchange, CLIENT_CLOSED)
                raise
            if answered:
                self._over(snapshot, stream, exchange, answer.status)
                return None
        return self._answer(snapshot, stream, exchange, answer)

    async def _answer(self, snapshot: Snapshot, stream: Stream, exchange: Exchange, answer: Answer) -> None:
        status = CLIENT_CLOSED
        try:
            response = answer if isinstance(answer, Response) else await answer
            if not stream.respond_at_once(response):
                await stream.respond(response)
            status = response.status
        except ClientGone:
            pass  # recorded with the status that says so
        finally:
            if exchange._afters:
                waiting = snapshot.pipeline.finish(exchange)
                if waiting is not None:
                    await waiting
            self._over(snapshot, stream, exchange, status)

    def _over(self, snapshot: Snapshot, stream: Stream, exchange: Exchange, status: int) -> None:
        """The exchange is over."""
        exchange.bytes_received = stream.bytes_received
        exchange.bytes_sent = stream.bytes_sent
        if exchange._deferred:
            self._call_deferred(exchange)
        recorder = snapshot.recorder
        if recorder.wanted:
            exchange.timings.finished = time.monotonic()
            recorder.add(Record(exchange, status, time.time()))
        snapshot.left()

    def refuse(self, fault: Fault) -> Response:
        """The answer to a request that the wire refuses."""
        return response_of(fault)

    def _call_deferred(self, exchange: Exchange) -> None:
        for callback in reversed(exchange._deferred):
            try:
                callback()
            except Exception as error:
                self._plugin_failed("deferred", error)

    def _plugin_failed(self, plugin: str, error: BaseException) -> None:
        self._plugin_failures(plugin)
        self._log.error("a plugin failed", plugin=plugin, error=repr(error), exc_info=error)

    def _upstream_totals(self) -> Mapping[str, int]:
        return {name: count for name, count in self.upstreams.counts().items() if name != "open"}

    def _active(self) -> float:
        return self.snapshot.active if self.snapshot is not None else 0

    def _dropped(self) -> float:
        return self.snapshot.recorder.dropped if self.snapshot is not None else 0
