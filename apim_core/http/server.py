"""A listener: accepts connections, bounds their number, watches their deadlines, drains and stops."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, MutableMapping, Sequence
from email.utils import formatdate
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from apim_sdk.errors import TOO_BUSY, Fault
from apim_sdk.identity import Client
from apim_sdk.messages import Response

from apim_core.http.accepting import Acceptor
from apim_core.http.connection import Connection
from apim_core.http.forwarding import Guard
from apim_core.http.sending import Sending
from apim_core.http.sent_certificates import SentCertificates
from apim_core.http.settings import BACKLOG, ServerSettings
from apim_core.http.stream import Stream
from apim_core.http.tls import Certificates

__all__ = ["Handler", "Server"]

Handler = Callable[[Stream], Coroutine[Any, Any, None] | None]
"""Answers a request at once (None), or is a coroutine of it."""

_SWEEP = 0.25
"""Seconds between two looks at all deadlines."""


class Server:
    """Serves HTTP/1.1 on listening sockets.

    ``handler`` is called with each request, and what it leaves to wait for becomes a task; it may be replaced at any
    time. ``refuse`` makes the answer to what never becomes a request. ``counters`` counts what happened by
    name: ``connections``, ``refused``, ``handler_failures``, ``head_timeouts``, ``body_timeouts``, ``write_timeouts``.
    """

    def __init__(
        self,
        handler: Handler,
        settings: ServerSettings,
        *,
        refuse: Callable[[Fault], Response],
        counters: MutableMapping[str, int] | None = None,
    ) -> None:
        self.handler = handler
        self.settings = settings
        self.limits = settings.limits
        self.timeouts = settings.timeouts
        self.refuse = refuse
        self.counters: MutableMapping[str, int] = Counter() if counters is None else counters
        self.name = settings.name or f"apim-{secrets.token_hex(4)}"
        self.certificates = None if settings.tls is None else Certificates(settings.tls)
        asks = settings.tls is not None and settings.tls.client_certificate != "none"
        self.sent = SentCertificates() if asks else None
        self.guard = Guard(settings, self.name)
        self.draining = False
        self.now = 0.0
        """The loop's time at the last sweep: good enough for time-outs."""
        self.date = b""
        self.waiting: list[tuple[Sending, bytes]] = []
        """What is to be sent soon, and by which connection."""
        self._connections: set[Connection] = set()
        self._clients: dict[IPv4Address | IPv6Address, int] = {}
        self._listeners: list[asyncio.Server | Acceptor] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    @property
    def active(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections on sockets that are bound; they belong to the server from now on."""
        self.loop = asyncio.get_running_loop()
        self.time = self.loop.time
        self._sweep()
        for listening in sockets:
            if self.settings.proxy_protocol or self.certificates is not None:
                self._listeners.append(Acceptor(self, listening))
            else:
                listener = await self.loop.create_server(lambda: Connection(self), sock=listening, backlog=BACKLOG)
                self._listeners.append(listener)

    def flush(self) -> None:
        """Send what waits, one piece right after the other: who reads on this machine is then woken once for many."""
        waiting, self.waiting = self.waiting, []
        for connection, data in waiting:
            connection.write_waiting(data)

    def reload_certificates(self) -> None:
        """Read the TLS files again: for connections to come. If one is bad, that is raised and nothing changes."""
        if self.certificates is not None:
            self.certificates.reload()

    async def drain(self, timeout: float) -> None:
        """Accept nothing more, close idle connections, let requests in work finish; cut them after ``timeout`` s."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for connection in tuple(self._connections):
            connection.drain()
        if self._connections:
            self._empty.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._empty.wait()
            except TimeoutError:
                self.counters["cut_by_drain"] += len(self._connections)

    async def stop(self) -> None:
        """Cut every connection and release everything."""
        await self.drain(0)
        while self._connections:
            self._empty.clear()
            for connection in tuple(self._connections):
                connection.reset()
            await self._empty.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def enter(self, connection: Connection, client: Client) -> Fault | None:
        """Count a new connection. Answers why it cannot be served, if it cannot.

        Far beyond the limit there is not even an answer, so that those who wait for one are bounded, too.
        """
        limits = self.limits
        self._connections.add(connection)
        self.counters["connections"] += 1
        held = self._clients[client.peer] = self._clients.get(client.peer, 0) + 1
        if len(self._connections) > 2 * limits.connections:
            connection.reset()
        elif len(self._connections) > limits.connections:
            return Fault(TOO_BUSY, "There are too many connections")
        elif 0 < limits.connections_per_client < held:
            return Fault(TOO_BUSY, "There are too many connections from this address")
        return None

    def leave(self, connection: Connection, client: Client) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        held = self._clients[client.peer] - 1
        if held:
            self._clients[client.peer] = held
        else:
            del self._clients[client.peer]
        if not self._connections:
            self._empty.set()

    def _sweep(self) -> None:
        self.now = now = self.loop.time()
        self.date = b"Date: " + formatdate(usegmt=True).encode("ascii")
        for connection in tuple(self._connections):
            if connection.deadline < now:
                connection.expire()
        self._sweeper = self.loop.call_later(_SWEEP, self._sweep)
