"""Sends requests to one origin over pooled connections."""

from __future__ import annotations

import asyncio

from apim_sdk.body import Body, BodyError
from apim_sdk.errors import ENDPOINT_TIMEOUT, Fault
from apim_sdk.identity import Client
from apim_sdk.messages import Request, Response

from apim_core.http.deadlines import Sweeper
from apim_core.http.pool import ConnectionPool
from apim_core.http.resolver import Lookup, system_lookup
from apim_core.http.upstream_answer import Informational
from apim_core.http.upstream_connection import Unanswered, UpstreamConnection
from apim_core.http.upstream_dial import Dialer
from apim_core.http.upstream_head import RequestHead, upgrade_of
from apim_core.http.upstream_request import send_body, what_broke
from apim_core.http.upstream_sending import NEVER
from apim_core.http.upstream_settings import Origin, UpstreamSettings

__all__ = ["UpstreamPool"]

_IDEMPOTENT = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"))
"""RFC 9110, section 9.2.2: to send such a request twice is as good as once."""

_ONE_WRITE = 64 * 1024
"""Bytes of content up to which it leaves behind its head in one write."""


class UpstreamPool:
    """The backend at one origin.

    Usable on one event loop, from the first ``send`` on; ``start`` only reads certificates early. ``via`` names
    the gateway in Via; ``sweeper`` may be shared by all pools of the loop; ``lookup`` finds addresses.
    """

    def __init__(
        self,
        origin: Origin,
        settings: UpstreamSettings | None = None,
        *,
        via: str = "apim",
        sweeper: Sweeper | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.origin = origin
        self.settings = settings = settings or UpstreamSettings()
        self._dialer = Dialer(origin, settings, lookup)
        self._pool = ConnectionPool(self._dialer, settings, sweeper or Sweeper())
        self.counts = self._pool.counts
        self._idle = self._pool.idle
        self._head = RequestHead(origin, settings, via)
        self._first_byte = settings.first_byte_timeout or NEVER
        self._total = settings.total_timeout or NEVER

    async def start(self) -> None:
        """Read certificates. Raises ValueError naming a file that cannot be used."""
        self._dialer.prepare()

    async def stop(self) -> None:
        """Close every connection, whatever it does, and return when all are gone."""
        await self._pool.stop()

    async def send(
        self,
        request: Request,
        target: str,
        *,
        client: Client | None = None,
        first_byte_timeout: float | None = None,
        total_timeout: float | None = None,
        informational: Informational | None = None,
    ) -> Response:
        """Send ``request`` and give the answer as soon as its head is there.

        ``target`` is path and query as they go on the wire; ``client`` whom to name in X-Forwarded-For; the time-outs
        (seconds, 0 for none) stand in for those of the settings; ``informational`` gets interim answers. The body of
        the answer is whole if it came with its head, else it streams. Cancelling gives the exchange up.

        Raises Fault with an ENDPOINT_ kind, or INCOMPLETE_PAYLOAD or CONTENT_TOO_LARGE if the request's body breaks;
        ValueError if the target or the method cannot stand in a request line.
        """
        body = request.body
        data = body._data  # to ask a property costs a call
        if data is None:
            try:
                data = body.data
            except BodyError as error:
                raise what_broke(error) from error
        headers = request.headers
        upgrade = b"upgrade" in (headers._index or headers.index) and upgrade_of(request)
        head = self._head.write(request, target, client, body.length if data is None else len(data), upgrade)
        first_byte = self._first_byte if first_byte_timeout is None else first_byte_timeout or NEVER
        total = self._total if total_timeout is None else total_timeout or NEVER
        head_only = request.method == "HEAD"
        idle = self._idle
        if total != NEVER:
            connection = await self._acquire_within(total)
        else:
            connection = idle.pop() if idle else await self._pool.acquire()
        if data is not None and len(data) <= _ONE_WRITE:
            message = head + data if data else head
            answer = connection.exchange(message, first_byte, head_only, upgrade, informational)
        else:
            answer = _stream(connection, head, body, first_byte, (head_only, upgrade, informational))
        try:
            return await answer
        except asyncio.CancelledError:
            connection.give_up(answer)
            raise
        except Unanswered:
            if data is None or connection.exchanges == 1 or request.method not in _IDEMPOTENT:
                raise
        self.counts.retried += 1
        fresh = await self._pool.acquire(fresh=True)
        fresh.total_deadline = connection.total_deadline
        answer = _stream(fresh, head, body, first_byte, (head_only, upgrade, informational))
        try:
            return await answer
        except asyncio.CancelledError:
            fresh.give_up(answer)
            raise

    async def _acquire_within(self, seconds: float) -> UpstreamConnection:
        deadline = asyncio.get_running_loop().time() + seconds
        if self._idle:
            connection = self._idle.pop()
        else:
            try:
                async with asyncio.timeout_at(deadline):
                    connection = await self._pool.acquire()
            except TimeoutError as error:
                raise Fault(ENDPOINT_TIMEOUT, detail=f"no connection to {self.origin} within {seconds:g} s") from error
        connection.total_deadline = deadline
        return connection


def _stream(
    connection: UpstreamConnection,
    head: bytes,
    body: Body,
    first_byte: float,
    expected: tuple[bool, bool, Informational | None],
) -> asyncio.Future[Response]:
    """Send a body beside waiting for the answer, which may come before its end."""
    connection.sending = True
    answer = connection.exchange(head, NEVER, *expected)
    connection.sender = asyncio.create_task(send_body(connection, body, first_byte))
    return answer
