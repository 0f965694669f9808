"""One request on one connection, and the way to answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim_sdk.body import Body
from apim_sdk.errors import ENDPOINT_PROTOCOL_VIOLATION, Fault
from apim_sdk.headers import Headers
from apim_sdk.identity import Client
from apim_sdk.messages import Request, Response

from apim_core.http.answer import answer_bytes, field_lines, has_no_body, length_field, status_line
from apim_core.http.framing import PLAIN, Framing
from apim_core.http.sending import ClientGone
from apim_core.http.tunnel import relay

if TYPE_CHECKING:
    from apim_core.http.connection import Connection

__all__ = ["ClientGone", "Stream"]

_JOINED = 16 * 1024
"""Up to this size a body is copied behind its head; a larger one is handed over beside it."""


class Stream:
    """One request on a server connection.

    ``started`` is the loop's time when the head was complete; ``bytes_received`` and ``bytes_sent`` count body bytes
    without framing, and are final when the handler has returned.
    """

    __slots__ = (
        "_connection",
        "_method",
        "answered",
        "bytes_received",
        "bytes_sent",
        "client",
        "framing",
        "request",
        "started",
    )

    def __init__(
        self, connection: Connection, request: Request, client: Client, framing: Framing, started: float
    ) -> None:
        self._connection = connection
        self._method = request.method  # the client's: a policy may send another one to the backend
        self.request = request
        self.client = client
        self.framing = framing
        self.started = started
        self.bytes_received = 0
        self.bytes_sent = 0
        self.answered = False
        """Whether a final answer has begun to leave."""

    def informational(self, status: int, headers: Headers) -> None:
        """Send an interim answer (RFC 9110, section 15.2); a client of HTTP/1.0 does not get it."""
        if not 100 <= status <= 199 or status == 101:
            raise ValueError(f"{status} is not an interim status: 100 to 199 without 101")
        if self.answered:
            raise RuntimeError("the final answer has begun: an interim one is too late")
        if not self.framing.version_10:
            lines = (status_line(status, None), *field_lines(headers), b"", b"")
            self._connection.write(b"\r\n".join(lines))

    def interim(self, status: int, headers: Headers) -> None:
        """``informational`` for whoever does not know how far the exchange is: nothing is sent where it is too late."""
        if not self.answered and not self._connection.gone:
            self.informational(status, headers)

    async def respond(self, response: Response) -> None:
        """Send the whole answer.

        Raises ClientGone when the client is away, BodyError when the answer's body broke: before its head has left
        another answer can still be given, after that the connection is reset so that nobody takes it for whole.
        """
        if self.respond_at_once(response):
            return
        body = response.body
        if not has_no_body(response.status, self._method):
            await self._respond_streaming(response, body)
        elif response.status == 101:
            await self._switch(response)
        else:
            self._respond_without_body(response, body.data)

    def respond_at_once(self, response: Response) -> bool:
        """``respond`` for an answer whose body is there, as that of most is; False if it is for ``respond`` to send."""
        if self.answered:
            raise RuntimeError("the request was already answered")
        data = response.body._data  # to ask a property costs a call
        if data is None:
            data = response.body.data
        if data is None or has_no_body(response.status, self._method):
            return False
        connection = self._connection
        size = len(data)
        self.bytes_sent = size
        if self.framing is PLAIN and not connection.will_close:
            framing: tuple[bytes, ...] = (length_field(size),)
        else:
            framing = (length_field(size), *connection.closing_fields(self))
        if size <= _JOINED:
            answer = answer_bytes(response, connection.server.date, framing, data)
            self.answered = True
            connection.write_soon(answer)
        else:
            head = answer_bytes(response, connection.server.date, framing)
            self.answered = True
            connection.write_all((head, data))
        return True

    def _respond_without_body(self, response: Response, data: bytes | None) -> None:
        connection = self._connection
        framing = (*self._bodiless_framing(response, data), *connection.closing_fields(self))
        head = answer_bytes(response, connection.server.date, framing)
        self.answered = True
        response.body.close()
        connection.write(head)

    async def _switch(self, response: Response) -> None:
        tunnel = response.tunnel
        protocol = self.framing.upgrade
        if tunnel is None or protocol is None:
            raise Fault(ENDPOINT_PROTOCOL_VIOLATION, detail="101 Switching Protocols, which the client did not ask for")
        connection = self._connection
        head = answer_bytes(response, connection.server.date, (b"Connection: Upgrade", b"Upgrade: " + protocol))
        self.answered = True
        connection.write(head)
        await relay(connection, self, connection.switch(), tunnel)

    def _bodiless_framing(self, response: Response, data: bytes | None) -> tuple[bytes, ...]:
        """Content-Length as GET would have it, where that is known (RFC 9110, section 8.6)."""
        if response.status == 204:
            return ()
        declared = response.headers.first(b"content-length")
        if declared is not None and declared.isdigit():
            return (b"Content-Length: " + declared,)
        return (length_field(len(data)),) if data and response.status != 304 else ()

    async def _respond_streaming(self, response: Response, body: Body) -> None:
        connection = self._connection
        chunked = False
        framing: tuple[bytes, ...] = ()
        if body.length is not None:
            framing = (length_field(body.length),)
        elif self.framing.version_10:
            connection.will_close = True
        else:
            chunked = True
            framing = (b"Transfer-Encoding: chunked",)
        framing = (*framing, *connection.closing_fields(self))
        head = answer_bytes(response, connection.server.date, framing)
        self.answered = True
        connection.write(head)
        finished = False
        try:
            if chunked:
                await self._send_chunks(body)
                connection.write(self._last_chunk(response))
            else:
                await self._send_counted(body, body.length)
            finished = True
        finally:
            if not finished:
                body.close()
                connection.reset()

    async def _send_chunks(self, body: Body) -> None:
        connection = self._connection
        async for chunk in body:
            size = len(chunk)
            if size <= _JOINED:
                connection.write(b"%x\r\n%b\r\n" % (size, chunk))
            else:
                connection.write_all((b"%x\r\n" % size, chunk, b"\r\n"))
            self.bytes_sent += size
            if connection.full:
                await connection.room()

    async def _send_counted(self, body: Body, length: int | None) -> None:
        connection = self._connection
        async for chunk in body:
            self.bytes_sent += len(chunk)
            if length is not None and self.bytes_sent > length:
                raise RuntimeError("the answer's body is longer than its declared length")
            connection.write(chunk)
            if connection.full:
                await connection.room()
        if length is not None and self.bytes_sent != length:
            raise RuntimeError("the answer's body is shorter than its declared length")

    def _last_chunk(self, response: Response) -> bytes:
        trailers = response.trailers
        if trailers is None or not self.framing.takes_trailers:
            return b"0\r\n\r\n"
        return b"\r\n".join((b"0", *field_lines(trailers), b"", b""))
