"""Sends requests to one origin over pooled connections."""

from __future__ import annotations

import asyncio

from apim_sdk.body import Body, BodyError, BodyTooLarge
from apim_sdk.errors import CONTENT_TOO_LARGE, INCOMPLETE_PAYLOAD, Fault
from apim_sdk.identity import Client
from apim_sdk.messages import Request, Response

from apim_core.http.pool import ConnectionPool
from apim_core.http.upstream_connection import NEVER, Informational, Unanswered, UpstreamConnection
from apim_core.http.upstream_dial import Dialer
from apim_core.http.upstream_head import RequestHead
from apim_core.http.upstream_settings import Origin, UpstreamSettings

__all__ = ["UpstreamPool"]

_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
SWEEP_EVERY = 0.25
"""Seconds between two looks at the deadlines."""


class UpstreamPool:
    """The backend at one origin."""

    def __init__(self, origin: Origin, settings: UpstreamSettings | None = None) -> None:
        self.origin = origin
        self.settings = settings = settings or UpstreamSettings()
        self._dialer = Dialer(origin, settings)
        self._pool = ConnectionPool(self._dialer, settings)
        self._head = RequestHead(origin, absolute=False, preserve_host=settings.preserve_host)
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Read certificates and begin to watch deadlines. Raises ValueError naming a file that cannot be used."""
        self._dialer.prepare()
        self._sweep()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._pool.sweep(loop.time())
        self._sweeper = loop.call_later(SWEEP_EVERY, self._sweep)

    async def stop(self) -> None:
        """Close every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
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

        ``target`` is path and query as they go on the wire. Raises Fault with an ENDPOINT_ kind.
        """
        body = request.body
        data = body.data
        head = self._head.write(request, target, client, body.length if data is None else len(data))
        idle = self._pool.idle
        connection = idle.pop() if idle else await self._pool.acquire()
        if connection.closing:
            connection = await self._pool.acquire()
        first_byte = self.settings.first_byte_timeout if first_byte_timeout is None else first_byte_timeout
        if data is None:
            return await self._send_stream(connection, head, request, first_byte or NEVER, informational)
        while True:
            answer = connection.exchange(
                head + data if data else head,
                head_only=request.method == "HEAD",
                first_byte=first_byte or NEVER,
                informational=informational,
            )
            try:
                return await answer
            except asyncio.CancelledError:
                if not answer.done() or answer.cancelled():
                    connection.abandon()
                raise
            except Unanswered:
                if connection.exchanges == 1 or request.method not in _IDEMPOTENT:
                    raise
                connection = await self._pool.acquire(fresh=True)

    async def _send_stream(
        self,
        connection: UpstreamConnection,
        head: bytes,
        request: Request,
        first_byte: float,
        informational: Informational | None,
    ) -> Response:
        connection.request_sent = False
        answer = connection.exchange(
            head, head_only=request.method == "HEAD", first_byte=NEVER, informational=informational
        )
        pump = asyncio.create_task(_pump(connection, request.body, first_byte))
        try:
            await asyncio.wait((answer, pump), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and pump.done():
                pump.result()
            return await answer
        except BodyTooLarge as error:
            raise Fault(CONTENT_TOO_LARGE, detail=str(error)) from error
        except BodyError as error:
            raise Fault(INCOMPLETE_PAYLOAD, detail=str(error)) from error
        finally:
            if not answer.done() or answer.cancelled():
                connection.abandon()
                pump.cancel()


async def _pump(connection: UpstreamConnection, body: Body, first_byte: float) -> None:
    """Send the body as it arrives."""
    chunked = body.length is None
    async for chunk in body:
        if chunked:
            connection.write_parts((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
        else:
            connection.write(chunk)
        await connection.writable()
    if chunked:
        connection.write(b"0\r\n\r\n")
    connection.request_sent = True
    connection.extend(first_byte)
