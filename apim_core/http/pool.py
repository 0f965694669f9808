"""The connections to one origin: those in use, those kept for the next exchange, and who waits for one.

``opened`` counts connections from before they are dialled until they are gone, and never passes ``max_connections``.
An exchange takes an idle connection (the one used last, so that the others can time out), else opens one, else waits
in line; who leaves the line without a connection hands on what was given to it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from apim_sdk.errors import ENDPOINT_BUSY, Fault

from apim_core.http.upstream_connection import NEVER, UpstreamConnection
from apim_core.http.upstream_dial import Dialer
from apim_core.http.upstream_settings import UpstreamSettings

__all__ = ["ConnectionPool"]

Waiter = asyncio.Future[UpstreamConnection | None]
"""Gets a connection, or None: leave to open one."""


class ConnectionPool:
    """See the module. ``idle`` may be popped directly by the sender: no wait, no lock."""

    def __init__(self, dialer: Dialer, settings: UpstreamSettings) -> None:
        self._dialer = dialer
        self._settings = settings
        self.idle: list[UpstreamConnection] = []
        self.connections: set[UpstreamConnection] = set()
        self.opened = 0
        self.waiting: deque[Waiter] = deque()
        self.stopped = False
        self._emptied: asyncio.Future[None] | None = None

    async def acquire(self, *, fresh: bool = False) -> UpstreamConnection:
        """A connection that is idle, or a new one if it must be ``fresh``.

        Raises Fault: ENDPOINT_BUSY, or what the dialer raises.
        """
        if self.stopped:
            raise Fault(ENDPOINT_BUSY, detail="the pool was stopped")
        idle = self.idle
        while idle:
            connection = idle.pop()
            if connection.closing:
                continue
            if not fresh:
                return connection
            connection.abandon()
        if self.opened < self._settings.max_connections:
            self.opened += 1
            return await self._open()
        given = await self._wait()
        return given if given is not None else await self._open()

    async def _wait(self) -> UpstreamConnection | None:
        settings = self._settings
        if len(self.waiting) >= settings.queue_size:
            raise Fault(ENDPOINT_BUSY, detail=f"{len(self.waiting)} exchanges wait for a connection already")
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        try:
            async with asyncio.timeout(settings.queue_timeout or None):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_on(waiter.result())
            if isinstance(error, TimeoutError):
                raise Fault(ENDPOINT_BUSY, detail=f"no connection was free within {settings.queue_timeout}") from error
            raise

    def _hand_on(self, given: UpstreamConnection | None) -> None:
        if given is None:
            self._slot_freed()
        else:
            self.released(given)

    async def _open(self) -> UpstreamConnection:
        """Dial; ``opened`` has counted the connection already."""
        loop = asyncio.get_running_loop()
        try:
            connection = await self._dialer.dial(lambda: UpstreamConnection(loop, self, self._settings))
        except BaseException:
            self._slot_freed()
            raise
        self.connections.add(connection)
        return connection

    def _slot_freed(self) -> None:
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.opened -= 1
        if self.opened == 0 and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def released(self, connection: UpstreamConnection) -> None:
        """See ``upstream_connection.Owner``."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if len(self.idle) < self._settings.max_idle and not self.stopped:
            connection.total_deadline = NEVER
            connection.extend(self._settings.keep_alive or NEVER)
            self.idle.append(connection)
        else:
            connection.abandon()

    def lost(self, connection: UpstreamConnection) -> None:
        """See ``upstream_connection.Owner``."""
        if connection in self.connections:
            self.connections.discard(connection)
            if connection in self.idle:
                self.idle.remove(connection)
            self._slot_freed()

    def sweep(self, now: float) -> None:
        """Expire the connections whose deadline has passed."""
        for connection in tuple(self.connections):
            if connection.deadline < now:
                connection.expire()

    async def stop(self) -> None:
        """Close every connection, and return when all are gone."""
        self.stopped = True
        for connection in tuple(self.connections):
            connection.abandon()
        if self.opened:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied
        await self._dialer.stop()
