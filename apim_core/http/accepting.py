"""Accepts the connections of listeners where something comes before HTTP: a PROXY header, a TLS handshake, or both.

Who has not come to HTTP yet is bounded in number and time, apart from those who have.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from apim_core.http.connection import Connection
from apim_core.http.peer import Address, parse_address
from apim_core.http.proxy_protocol import InvalidProxyHeader, receive_proxy_header
from apim_core.http.settings import BACKLOG

if TYPE_CHECKING:
    from apim_core.http.server import Server

__all__ = ["Acceptor"]

_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_BATCH = 64
"""How many connections are accepted before the loop turns to others."""
_PAUSE = 1.0
"""Seconds without accepting after the system ran out of descriptors or memory."""


class Acceptor:
    """Accepts on one socket, until it is closed."""

    def __init__(self, server: Server, listening: socket.socket) -> None:
        self._server = server
        self._listening = listening
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._greeting: dict[asyncio.Task[None], socket.socket] = {}
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._resume()

    def close(self) -> None:
        """Accept no more; connections that have not said who they are yet are dropped."""
        if self._pause is not None:
            self._pause.cancel()
        for task in self._greeting:
            task.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        """Take what waits. Done in a callback: a task that is cancelled could lose a connection that it just got."""
        for _ in range(_BATCH):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._server.counters["accept_failures"] += 1
                self._loop.remove_reader(self._listening)
                self._pause = self._loop.call_later(_PAUSE, self._resume)
                return
            if len(self._greeting) >= self._server.limits.connections:
                connection.close()
                continue
            task = self._loop.create_task(self._greet(connection, parse_address(address[0])))
            self._greeting[task] = connection
            task.add_done_callback(self._greeted)

    def _greeted(self, task: asyncio.Task[None]) -> None:
        connection = self._greeting.pop(task)
        if task.cancelled():  # perhaps before it began
            connection.close()

    async def _greet(self, connection: socket.socket, peer: Address) -> None:
        server = self._server
        tls = server.certificates
        source = None
        try:
            connection.setblocking(False)
            async with asyncio.timeout(server.timeouts.handshake):
                if any(peer in network for network in server.settings.proxy_protocol):
                    source = await receive_proxy_header(connection)
                await self._loop.connect_accepted_socket(
                    lambda: Connection(server, source), connection, ssl=None if tls is None else tls.context
                )
        except (InvalidProxyHeader, OSError, TimeoutError):
            server.counters["failed_handshakes"] += 1
            connection.close()
