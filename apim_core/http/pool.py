"""The connections to one origin: those in use, those kept for the next exchange, and who waits for one.

``counts.open`` holds each connection from before it is dialled until it is gone, and never passes ``max_connections``.
An exchange takes an idle connection (the one used last, so that the others can time out), else opens one, else waits
in line. Who waits gets the next connection that becomes idle, or leave to open one when another is gone; who leaves the
line meanwhile hands on what was given to it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from apim_sdk.errors import ENDPOINT_BUSY, ENDPOINT_CONNECTION_FAILED, Fault

from apim_core.http.deadlines import Sweeper
from apim_core.http.upstream_connection import UpstreamConnection
from apim_core.http.upstream_counts import UpstreamCounts
from apim_core.http.upstream_dial import Dialer
from apim_core.http.upstream_fields import FieldKinds
from apim_core.http.upstream_plain import PlainAnswers
from apim_core.http.upstream_sending import IDLE
from apim_core.http.upstream_settings import UpstreamSettings

__all__ = ["ConnectionPool"]

Waiter = asyncio.Future[UpstreamConnection | None]
"""Gets an idle connection, or None: leave to open one."""


class ConnectionPool:
    """See the module. The sender may pop ``idle`` directly: what is in there is ready."""

    def __init__(self, dialer: Dialer, settings: UpstreamSettings, sweeper: Sweeper) -> None:
        self._dialer = dialer
        self._settings = settings
        self._sweeper = sweeper
        self._max_idle = settings.max_idle
        self.kinds = FieldKinds()
        self.plain = PlainAnswers(self.kinds, settings.max_headers, settings.max_head)
        self.idle: list[UpstreamConnection] = []
        self.connections: set[UpstreamConnection] = set()
        self.counts = UpstreamCounts()
        self.waiting: deque[Waiter] = deque()
        self.stopped = False
        self._changes = 1
        self._emptied: asyncio.Future[None] | None = None

    async def acquire(self, *, fresh: bool = False) -> UpstreamConnection:
        """An idle connection; a new one if it must be ``fresh``.

        Raises Fault: ENDPOINT_BUSY, or what the dialer raises.
        """
        while True:
            if self.stopped:
                raise _stopped()
            if self.idle and not fresh:
                return self.idle.pop()
            if self.counts.open < self._settings.max_connections:
                self.counts.open += 1
                return await self._open()
            if self.idle:
                self.idle[0].abandon()
            given = await self._wait()
            if given is None:
                return await self._open()
            if given.state == IDLE:
                return given

    async def _wait(self) -> UpstreamConnection | None:
        settings = self._settings
        counts = self.counts
        if len(self.waiting) >= settings.queue_size:
            counts.queue_refused += 1
            raise Fault(ENDPOINT_BUSY, detail=f"{len(self.waiting)} exchanges wait for a connection already")
        counts.queued += 1
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        try:
            async with asyncio.timeout(settings.queue_timeout or None):
                return await waiter
        except BaseException as error:
            if waiter in self.waiting:
                self.waiting.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:
                self._hand_on(waiter.result())
            if isinstance(error, TimeoutError):
                counts.queue_expired += 1
                raise Fault(ENDPOINT_BUSY, detail=f"no connection was free for {settings.queue_timeout}") from error
            raise

    def _hand_on(self, given: UpstreamConnection | None) -> None:
        if given is None:
            self._slot_freed()
        elif given in self.connections:
            self.released(given)

    async def _open(self) -> UpstreamConnection:
        """Dial; ``counts.open`` holds the connection already."""
        loop = asyncio.get_running_loop()
        try:
            connection = await self._dialer.dial(lambda: UpstreamConnection(loop, self, self._settings))
        except BaseException:
            self.counts.connect_failures += 1
            self._slot_freed()
            raise
        if self.stopped or connection.state != IDLE:
            connection.abandon()
            self._slot_freed()
            raise _stopped() if self.stopped else Fault(ENDPOINT_CONNECTION_FAILED, detail="it was closed at once")
        self.counts.opened += 1
        self.connections.add(connection)
        self._sweeper.add(self)
        return connection

    def _next_waiter(self) -> Waiter | None:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _slot_freed(self) -> None:
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(None)
            return
        self.counts.open -= 1
        if self._emptied is not None and not self.counts.open and not self._emptied.done():
            self._emptied.set_result(None)

    def released(self, connection: UpstreamConnection) -> None:
        """See ``upstream_connection.Owner``."""
        if self.waiting:
            waiter = self._next_waiter()
            if waiter is not None:
                waiter.set_result(connection)
                return
        if len(self.idle) >= self._max_idle or self.stopped:
            connection.finish()
            return
        self.idle.append(connection)

    def closing(self, connection: UpstreamConnection) -> None:
        """See ``upstream_connection.Owner``."""
        if connection in self.idle:
            self.idle.remove(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """See ``upstream_connection.Owner``."""
        if connection in self.connections:
            self.connections.discard(connection)
            if not self.connections:
                self._sweeper.discard(self)
            self._slot_freed()

    def sweep(self, now: float) -> None:
        """Expire the connections whose deadline has passed; leave addresses that the origin's name no longer has."""
        for connection in [one for one in self.connections if one.deadline < now]:
            connection.expire()
        resolver = self._dialer.resolver
        resolver.refresh()
        if resolver.changes != self._changes:
            self._changes = resolver.changes
            self._leave(resolver.hosts)

    def _leave(self, hosts: frozenset[str]) -> None:
        for connection in self.connections:
            connection.retired = connection.host not in hosts
        for connection in [one for one in self.idle if one.retired]:
            connection.finish()

    async def stop(self) -> None:
        """Refuse who waits, close every connection, and return when all are gone."""
        self.stopped = True
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_exception(_stopped())
        self.waiting.clear()
        for connection in tuple(self.connections):
            connection.abandon()
        if self.counts.open:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied
        await self._dialer.stop()


def _stopped() -> Fault:
    return Fault(ENDPOINT_BUSY, detail="the pool was stopped")
