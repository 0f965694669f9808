"""One connection to a backend: a request goes out, an answer comes in, one exchange at a time.

Theory of operation. ``exchange`` writes a request and gives a future; the parser (llhttp) then calls back with the
parts of the answer. When a read brings the answer to its end, or its head and the first part of its body, a fresh
``Response`` is made from what was collected and *moved out* through the future: from then on the connection keeps
nothing that the response needs, so it may serve another exchange while the response is still on its way to the
client. A body that is still arriving flows through an ``AnswerBody``, which the connection forgets at its end.

========  ==============================================  =======================================================
state     meaning                                         leaves by
========  ==============================================  =======================================================
IDLE      unused, in the pool; a byte now is a violation  ``exchange`` -> HEAD; end or time-out -> CLOSED
HEAD      the request goes out, the head is awaited       whole answer -> IDLE; head -> BODY; 101 -> TUNNEL
BODY      the head was handed over, the body arrives      end of the body -> IDLE
TUNNEL    the protocol has changed                        end of either side -> CLOSED
CLOSED    no more                                         never
========  ==============================================  =======================================================

Every state but CLOSED goes to CLOSED when the connection is lost, a deadline passes, the backend breaks the protocol or
the exchange is given up. An answer that is whole leads to CLOSED instead of IDLE if the backend will not keep the
connection, or if the request had not been sent to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools
from apim_sdk.body import Body
from apim_sdk.errors import (
    ENDPOINT_CONNECTION_CLOSED,
    ENDPOINT_PROTOCOL_VIOLATION,
    ENDPOINT_RECEIVE_FAILED,
    ENDPOINT_TIMEOUT,
    Fault,
)
from apim_sdk.headers import Headers, Pair
from apim_sdk.messages import Response

from apim_core.http.upstream_body import AnswerBody
from apim_core.http.upstream_framing import Violation, check_framing
from apim_core.http.upstream_head import end_to_end
from apim_core.http.upstream_settings import UpstreamSettings
from apim_core.http.upstream_tunnel import UpstreamTunnel

__all__ = ["BODY", "CLOSED", "HEAD", "IDLE", "TUNNEL", "Informational", "Owner", "Unanswered", "UpstreamConnection"]

IDLE, HEAD, BODY, TUNNEL, CLOSED = range(5)

NEVER = float("inf")

Informational = Callable[[int, Headers], None]


class Unanswered(Fault):
    """The connection ended before the first byte of an answer: the backend may not have seen the request."""


class Owner(Protocol):
    """The pool, as far as its connections know it."""

    def released(self, connection: UpstreamConnection) -> None:
        """The connection is idle and can serve the next exchange."""

    def lost(self, connection: UpstreamConnection) -> None:
        """The connection is closed and gone."""


class UpstreamConnection(asyncio.Protocol):
    """See the module. Made by the pool for each connection; all calls are made on the loop's thread."""

    __slots__ = (
        "_body",
        "_chunks",
        "_complete",
        "_fed",
        "_feed",
        "_fields",
        "_head_done",
        "_head_only",
        "_informational",
        "_informed",
        "_loop",
        "_owner",
        "_parser",
        "_reason",
        "_renew_parser",
        "_response",
        "_response_headers",
        "_reusable",
        "_settings",
        "_status",
        "_transport",
        "_tunnel",
        "_until_close",
        "_upgrade",
        "_waiter",
        "_writable",
        "address",
        "deadline",
        "exchanges",
        "request_sent",
        "state",
        "total_deadline",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, settings: UpstreamSettings) -> None:
        self._loop = loop
        self._owner = owner
        self._settings = settings
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.address: object = None
        self.state = IDLE
        self.deadline = NEVER
        """When (loop time) the present state has lasted too long."""
        self.total_deadline = NEVER
        self.exchanges = 0
        """How many exchanges were begun on it."""
        self.request_sent = True
        """False while the body of the request is still being sent; the sender sets it."""
        self._waiter: asyncio.Future[Response] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._body: AnswerBody | None = None
        self._response: Response | None = None
        self._tunnel: UpstreamTunnel | None = None
        self._informational: Informational | None = None
        self._head_only = False
        self._upgrade = False
        self._start_message()
        self._new_parser()

    def _new_parser(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._renew_parser = False

    def _start_message(self) -> None:
        self._fields: list[Pair] = []
        self._chunks: list[bytes] = []
        self._reason = b""
        self._fed = 0
        self._informed = 0
        self._status = 0
        self._head_done = False
        self._complete = False
        self._reusable = False
        self._until_close = False

    # The pool's side

    def exchange(
        self,
        message: bytes,
        *,
        head_only: bool = False,
        upgrade: bool = False,
        first_byte: float = NEVER,
        informational: Informational | None = None,
    ) -> asyncio.Future[Response]:
        """Write a request (all of it, or the part that is there) and give the future of its answer.

        ``head_only``: the answer has no body, whatever its head says (HEAD). ``upgrade``: 101 may be the answer.
        ``first_byte``: seconds until the head must be there.
        """
        self.state = HEAD
        self.exchanges += 1
        self._head_only = head_only
        self._upgrade = upgrade
        self._informational = informational
        self._start_message()
        self._transport.write(message)
        deadline = self._loop.time() + first_byte
        self.deadline = deadline if deadline < self.total_deadline else self.total_deadline
        waiter = self._waiter = self._loop.create_future()
        return waiter

    @property
    def closing(self) -> bool:
        """Whether it can serve no other exchange."""
        return self.state == CLOSED or self._transport.is_closing()

    def extend(self, seconds: float) -> None:
        """Something moved: the present state may last ``seconds`` more."""
        deadline = self._loop.time() + seconds
        self.deadline = deadline if deadline < self.total_deadline else self.total_deadline

    def expire(self) -> None:
        """The deadline has passed."""
        if self.state == IDLE:
            self._close(None)
        elif self.state == HEAD:
            self._close(Fault(ENDPOINT_TIMEOUT, detail=f"no answer from {self.address} in time"))
        else:
            self._close(Fault(ENDPOINT_TIMEOUT, detail=f"{self.address} fell silent in the middle of the answer"))

    def abandon(self) -> None:
        """Give the exchange up and close."""
        self._close(None)

    def _close(self, fault: Fault | None) -> None:
        """To CLOSED: whoever waits gets the fault; without one the waiter has gone."""
        if self.state == CLOSED:
            return
        self.state = CLOSED
        self.deadline = NEVER
        self._transport.abort()
        self._fail(fault)

    def _fail(self, fault: Fault | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if fault is None:
                waiter.cancel()
            else:
                waiter.set_exception(fault)
        body, self._body = self._body, None
        if body is not None:
            body.end((fault.detail or str(fault)) if fault is not None else "the exchange was given up")
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.end()
        self._response = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # Sending

    def write(self, data: bytes) -> None:
        """Send more of the request, or of the tunnel."""
        self._transport.write(data)

    def write_parts(self, parts: tuple[bytes, ...]) -> None:
        """Send several pieces in one go."""
        self._transport.writelines(parts)

    async def writable(self) -> None:
        """Return when there is room for more; at once if the connection is closed."""
        if self._writable is not None and self.state != CLOSED:
            await self._writable

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # Receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._settings.high_water)
        self.address = transport.get_extra_info("peername")

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self.state == HEAD or self.state == BODY:
            try:
                self._feed(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._switch(data[upgrade.args[0] :])
                return
            except httptools.HttpParserError as error:
                self._violated(error.__context__ or error)
                return
            if self._complete:
                self._finish()
            else:
                self._progress(len(data))
        elif self.state == TUNNEL:
            self.extend(self._settings.tunnel_timeout or NEVER)
            cast(UpstreamTunnel, self._tunnel).feed(data)
        else:
            self._close(None)

    def eof_received(self) -> bool:
        """See ``asyncio.Protocol``."""
        if self.state == BODY and self._until_close:
            self._complete = True
            self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        if self.state != CLOSED:
            if exc is None and self.state == BODY and self._until_close:
                self._complete = True
                self._finish()
            else:
                self.state = CLOSED
                self._fail(self._loss(exc))
        self.deadline = NEVER
        self._owner.lost(self)

    def _loss(self, exc: Exception | None) -> Fault:
        detail = f"{self.address}: {exc or 'closed the connection'}"
        if self._fed or self._status:
            return Fault(ENDPOINT_RECEIVE_FAILED, detail=f"{detail} in the middle of the answer")
        return Unanswered(ENDPOINT_CONNECTION_CLOSED, detail=f"{detail} before an answer")

    def _violated(self, error: BaseException) -> None:
        self._close(Fault(ENDPOINT_PROTOCOL_VIOLATION, detail=f"the answer of {self.address} is not valid: {error}"))

    def _progress(self, size: int) -> None:
        """After a read that did not end the answer: hand the head over, keep the bounds, tell the reader."""
        settings = self._settings
        if not self._head_done:
            self._fed += size
            if self._fed > settings.max_head:
                self._violated(Violation(f"its head is longer than {settings.max_head} bytes"))
            return
        body = self._body
        if body is None:
            body = self._body = AnswerBody(self._loop, self, self._chunks)
            self.state = BODY
            self._hand_over(Body.arriving(body, self._length()))
        else:
            body.held += size
            body.arrived()
        if self._chunks:
            self._fed = 0
        else:
            self._fed += size
            if self._fed > settings.max_head:
                self._violated(Violation(f"{self._fed} bytes of its framing hold no content"))
                return
        if body.held > settings.high_water:
            body.paused = True
            self._transport.pause_reading()
        self.extend(settings.idle_timeout or NEVER)

    def resume(self) -> None:
        """See ``upstream_body.Feeder``."""
        if self.state == BODY:
            self.extend(self._settings.idle_timeout or NEVER)
            self._transport.resume_reading()

    def hold(self, held: int) -> bool:
        """See ``upstream_tunnel.Carrier``."""
        if held > self._settings.high_water:
            self._transport.pause_reading()
            return True
        return False

    def resume_tunnel(self) -> None:
        """See ``upstream_tunnel.Carrier``."""
        if self.state == TUNNEL:
            self._transport.resume_reading()

    def _length(self) -> int | None:
        value = self._response_headers.first(b"content-length")
        return None if value is None else int(value)

    def _hand_over(self, body: Body) -> None:
        """Move the answer out of the connection."""
        response = Response(self._status, self._response_headers, body, reason=self._reason.decode("latin-1"))
        if self._body is not None:
            self._response = response
        elif self._fields:
            response.trailers = Headers.from_raw(self._fields)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)

    def _finish(self) -> None:
        """The answer is whole."""
        body = self._body
        if body is None:
            self._hand_over(Body(b"".join(self._chunks)))
        else:
            self._body = None
            response, self._response = self._response, None
            if self._fields:
                cast(Response, response).trailers = Headers.from_raw(self._fields)
            body.end()
        if self._reusable and self.request_sent and not (body is not None and body.paused):
            if self._renew_parser:
                self._new_parser()
            self.state = IDLE
            self._owner.released(self)
        else:
            self._close(None)

    def _switch(self, rest: bytes) -> None:
        """101: what follows is not HTTP."""
        tunnel = self._tunnel = UpstreamTunnel(self._loop, self, rest)
        self.state = TUNNEL
        self.total_deadline = NEVER
        self.extend(self._settings.tunnel_timeout or NEVER)
        response = Response(101, self._response_headers, reason=self._reason.decode("latin-1"))
        response.tunnel = tunnel
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self._head_done:
            raise Violation("more bytes follow the end of the answer")

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        parser = self._parser
        fields = self._fields
        self._fields = []
        status = self._status = parser.get_status_code()
        headers = self._response_headers = Headers.from_raw(fields)
        self._check_head(fields)
        self._until_close = check_framing(status, headers, parser, self._upgrade)
        end_to_end(headers)
        if status < 200:
            self._interim(status, headers)
            return
        self._head_done = True
        if self._head_only:
            self._complete = self._renew_parser = True
            self._reusable = parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A piece of the content."""
        if self._complete:
            raise Violation("content follows where there is none")
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The answer has ended."""
        if self._status >= 200:
            self._complete = True
            self._renew_parser = False
            self._reusable = self._parser.should_keep_alive()

    def _interim(self, status: int, headers: Headers) -> None:
        self._informed += 1
        if self._informed > self._settings.max_informational:
            raise Violation(f"more than {self._settings.max_informational} interim answers")
        self._reason = b""
        self._fed = 0
        if status not in (100, 101) and self._informational is not None:
            self._informational(status, headers)

    def _check_head(self, fields: list[Pair]) -> None:
        settings = self._settings
        if len(fields) > settings.max_headers:
            raise Violation(f"its head has more than {settings.max_headers} fields")
