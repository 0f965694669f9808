"""One connection to a backend: a request goes out, an answer comes in, one exchange at a time.

Theory of operation. ``exchange`` writes a request and gives a future. Bytes that come back go through an
``AnswerReader``. When a read brings the answer to its end, or its head with the first part of its body, a fresh
``Response`` is made and *moved out* through the future: from then on the connection keeps nothing that the response
needs, so it may serve another exchange while the response is still on its way to the client. A body that is still
arriving flows through an ``AnswerBody``, which the connection fills and, at the end, forgets.

========  ==============================================  =======================================================
state     meaning                                         leaves by
========  ==============================================  =======================================================
IDLE      unused, with its owner; a byte is a violation   ``exchange`` -> HEAD
HEAD      the request goes out, the head is awaited       whole answer -> IDLE; head -> BODY; 101 -> TUNNEL
BODY      the head was handed over, the body arrives      end of the body -> IDLE
TUNNEL    the protocol has changed                        only to CLOSED
CLOSED    no more                                         never
========  ==============================================  =======================================================

Every state goes to CLOSED when the connection is lost, its deadline passes, the backend breaks the protocol or the
exchange is given up. An answer that is whole leads to CLOSED instead of IDLE if the backend will not keep the
connection or the request has not been sent to its end.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol, cast

from apim_sdk.body import Body
from apim_sdk.errors import (
    ENDPOINT_CONNECTION_CLOSED,
    ENDPOINT_PROTOCOL_VIOLATION,
    ENDPOINT_RECEIVE_FAILED,
    ENDPOINT_SEND_FAILED,
    ENDPOINT_TIMEOUT,
    Fault,
)
from apim_sdk.headers import Headers
from apim_sdk.messages import Response
from httptools import HttpParserError, HttpParserUpgrade

from apim_core.http.upstream_answer import ARRIVING, COMPLETE, WAITING, AnswerReader, Informational, Violation
from apim_core.http.upstream_body import AnswerBody
from apim_core.http.upstream_counts import UpstreamCounts
from apim_core.http.upstream_fields import FieldKinds
from apim_core.http.upstream_plain import PlainAnswers
from apim_core.http.upstream_sending import BODY, CLOSED, HEAD, IDLE, NEVER, TUNNEL, UpstreamSending
from apim_core.http.upstream_settings import UpstreamSettings
from apim_core.http.upstream_tunnel import UpstreamTunnel

__all__ = ["Owner", "Unanswered", "UpstreamConnection"]

_ANSWERING = (HEAD, BODY)


class Unanswered(Fault):
    """The connection ended before the first byte of an answer: the backend may never have seen the request."""


class Owner(Protocol):
    """The pool, as far as its connections know it."""

    kinds: FieldKinds
    plain: PlainAnswers
    counts: UpstreamCounts

    def released(self, connection: UpstreamConnection) -> None:
        """It is idle and can serve the next exchange."""

    def closing(self, connection: UpstreamConnection) -> None:
        """It is closed, though not yet gone; it was idle."""

    def lost(self, connection: UpstreamConnection) -> None:
        """It is gone."""


class UpstreamConnection(UpstreamSending):
    """See the module. All calls are made on the loop's thread."""

    __slots__ = (
        "_body",
        "_fed",
        "_max_head",
        "_owner",
        "_plain",
        "_reader",
        "_released",
        "_response",
        "_rest",
        "_tunnel",
        "_waiter",
        "exchanges",
        "retired",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, settings: UpstreamSettings) -> None:
        super().__init__(loop, settings)
        self._owner = owner
        self._max_head = int(settings.max_head)
        self._rest = float(settings.keep_alive or NEVER)
        self._released = owner.released
        self._plain = owner.plain.read
        self._reader = AnswerReader(owner.kinds, settings.max_headers, settings.max_informational)
        self._waiter: asyncio.Future[Response] | None = None
        self._body: AnswerBody | None = None
        self._response: Response | None = None
        self._tunnel: UpstreamTunnel | None = None
        self._fed = 0
        self.exchanges = 0
        """How many exchanges were begun on it."""
        self.retired = False
        """Whether it is not to be used again, although nothing is wrong with it."""

    # The exchange

    def exchange(
        self,
        message: bytes,
        first_byte: float = NEVER,
        head_only: bool = False,
        upgrade: bool = False,
        informational: Informational | None = None,
    ) -> asyncio.Future[Response]:
        """Write a request, or the part of it that is there, and give the future of its answer.

        ``first_byte``: seconds until the head must be there. ``head_only``: the answer to HEAD. ``upgrade``: 101 may
        be the answer. Raises RuntimeError if the connection is not idle.
        """
        if self.state != IDLE:
            raise RuntimeError("an upstream connection serves one exchange at a time")
        self.state = HEAD
        self.exchanges += 1
        self._fed = 0
        self._reader.begin(head_only, upgrade, informational)
        self._transport.write(message)
        deadline = self._time() + first_byte
        self.deadline = deadline if deadline < self.total_deadline else self.total_deadline
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def expire(self) -> None:
        """The deadline has passed."""
        if self.state == CLOSED:
            self._transport.abort()
        elif self.state == IDLE:
            self.finish()
        else:
            self._owner.counts.expired += 1
            what = "send the rest of its answer"
            if self.state == HEAD:
                what = "take the request" if self.sending else "answer"
            self.fail(Fault(ENDPOINT_TIMEOUT, detail=f"{self.address} did not {what} in time"))

    def finish(self) -> None:
        """Close when everything written has gone out."""
        if self.state != CLOSED:
            self._transport.close()
            self._end(None)
            self.extend(self._idle_timeout)

    def abandon(self) -> None:
        """Give up what it does, and close."""
        self.fail(Fault(ENDPOINT_CONNECTION_CLOSED, detail="the exchange was given up"))

    def give_up(self, answer: asyncio.Future[Response]) -> None:
        """Nobody waits for this answer any more: close, unless it is whole, and the connection free or in other use."""
        if self._waiter is answer:
            self.abandon()
        elif not answer.cancelled() and answer.exception() is None:
            response = answer.result()
            response.body.close()
            if response.tunnel is not None:
                response.tunnel.close()

    def fail(self, error: Exception) -> None:
        """To CLOSED: whoever waits for the answer, or for the rest of it, gets the error."""
        if self.state == CLOSED:
            return
        self._transport.abort()
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self.state == IDLE:
            self._owner.closing(self)
        self.state = CLOSED
        self.deadline = NEVER
        self._reader.informational = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done() and error is not None:
            waiter.set_exception(error)
        body, self._body = self._body, None
        if body is not None:
            body.end((isinstance(error, Fault) and error.detail) or str(error))
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.end()
        sender, self.sender = self.sender, None
        if sender is not None:
            sender.cancel()
        self.resume_writing()

    # Receiving

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        state = self.state
        if state in _ANSWERING:
            reader = self._reader
            if reader.stage == WAITING:
                if not self._fed and not reader.head_only:
                    whole = self._plain(data)
                    if whole is not None:
                        self._finish_whole(*whole)
                        return
                if data[:7] != b"HTTP/1." and not b"HTTP/1.".startswith(data):
                    self._violated("it does not begin with HTTP/1.")
                    return
            pieces = len(reader.chunks)
            try:
                reader.feed(data)
            except HttpParserUpgrade as upgrade:
                self._switch(data[upgrade.args[0] :])
                return
            except HttpParserError as error:
                self._misread(error)
                return
            if reader.stage == COMPLETE and len(data) < self._max_head:
                self._finish()
            else:
                self._progress(len(data), len(reader.chunks) > pieces)
        elif state == TUNNEL:
            cast(UpstreamTunnel, self._tunnel).feed(data)
        else:
            self._violated("it came without a request")

    def eof_received(self) -> bool:
        """See ``asyncio.Protocol``."""
        self._ended(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._ended(exc)
        self._owner.lost(self)

    def _ended(self, exc: Exception | None) -> None:
        """The backend sends no more; ``exc`` if that is an accident."""
        state = self.state
        if state == BODY and exc is None and self._reader.until_close and self._closed_in_order():
            self._finish()
        elif state in _ANSWERING:
            self.fail(self._loss(exc))
        else:
            self.finish()

    def _closed_in_order(self) -> bool:
        """Over TLS, an answer that lasts until the end is whole only after a closure alert (RFC 9112, section 9.8)."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        try:
            return tls is None or tls.read(1) == b""
        except ssl.SSLError:
            return False

    def _loss(self, exc: Exception | None) -> Fault:
        text = f"{self.address} {'closed the connection' if exc is None else f'broke the connection: {exc}'}"
        if self._reader.stage != WAITING:
            return Fault(ENDPOINT_RECEIVE_FAILED, detail=f"{text} in the middle of its answer")
        if self.sending:
            return Unanswered(ENDPOINT_SEND_FAILED, detail=f"{text} in the middle of the request")
        return Unanswered(ENDPOINT_CONNECTION_CLOSED, detail=f"{text} without an answer")

    def _misread(self, error: HttpParserError) -> None:
        cause = error.__context__
        if cause is None or isinstance(cause, Violation):
            self._violated(cause or error)
        else:  # who was told of an interim answer has raised it
            self.fail(cause if isinstance(cause, Exception) else error)

    def _violated(self, reason: object) -> None:
        self._owner.counts.violations += 1
        self._reader.chunks.clear()  # else content that ends just before the violation would look whole
        self.fail(Fault(ENDPOINT_PROTOCOL_VIOLATION, detail=f"the answer of {self.address} was refused: {reason}"))

    def _progress(self, size: int, productive: bool) -> None:
        """After a read of ``size`` bytes that did not just hold the answer: keep the bounds, then pass on what came."""
        reader = self._reader
        self._fed += size
        if self._fed > self._max_head and self._too_large(productive):
            self._violated(
                f"its head, or its framing between two pieces of content, is longer than {self._max_head} bytes"
            )
        elif reader.stage == COMPLETE:
            self._finish()
        elif reader.stage == ARRIVING:
            self._stream(size)
            if productive:
                self._fed = 0

    def _too_large(self, productive: bool) -> bool:
        if self.state == HEAD and self._reader.stage >= ARRIVING:
            return sum(len(name) + len(value) + 4 for name, value in self._reader.headers) > self._max_head
        return not productive

    def _stream(self, size: int) -> None:
        """Hand the head over if that is still to be done, tell the reader, pause if too much is held."""
        body = self._body
        if body is None:
            waiter = self._waiter
            if waiter is None or waiter.done():
                self.abandon()
                return
            self.state = BODY
            body = self._body = AnswerBody(self._loop, self, self._reader.chunks)
            self._response = self._hand_over(Body.arriving(body, self._reader.length))
        else:
            body.held += size
            body.arrived()
        if body.held > self._settings.high_water and not body.paused:
            body.paused = True
            self._owner.counts.paused += 1
            self._transport.pause_reading()
        self.extend(self._idle_timeout)

    def resume(self) -> None:
        """See ``upstream_body.Feeder``."""
        self.extend(self._idle_timeout)
        self._transport.resume_reading()

    def _hand_over(self, body: Body) -> Response:
        """Move the answer out of the connection."""
        reader = self._reader
        response = Response.arrived(reader.status, Headers.from_raw(reader.headers), body, reader.phrase)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)
        return response

    def _finish(self) -> None:
        """The answer is whole: hand it over, or its end, and become idle."""
        reader = self._reader
        chunks = reader.chunks
        if self.state == HEAD:
            body = Body.arrived(chunks[0] if len(chunks) == 1 else b"".join(chunks))
            chunks.clear()
            response = self._hand_over(body)
            if reader.fields:
                response.trailers = Headers.from_raw(reader.fields)
        else:
            reader.chunks = []
            response, self._response = cast(Response, self._response), None
            if reader.fields:
                response.trailers = Headers.from_raw(reader.fields)
            stream, self._body = cast(AnswerBody, self._body), None
            stream.end()
        self._rest_from(reader.reusable)

    def _finish_whole(self, response: Response, keep_alive: bytes | None) -> None:
        """The answer is a plain one: hand it over, and become idle."""
        if keep_alive is not None:
            self._reader.read_keep_alive(keep_alive)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)
        self._rest_from(True)

    def _rest_from(self, reusable: bool) -> None:
        """The exchange is over. The backend may have said for how many seconds it keeps the connection: rest fewer."""
        self._reader.informational = None  # else what it belongs to lives as long as the connection
        if reusable and not self.sending and not self.retired:
            self.state = IDLE
            self.total_deadline = NEVER
            announced = self._reader.keep_alive
            rest = self._rest if announced is None or announced - 1 >= self._rest else announced - 1
            self.deadline = self._time() + rest
            self._released(self)
        elif self.sending:
            self.abandon()
        else:
            self.finish()

    def _switch(self, rest: bytes) -> None:
        """101: what follows is not HTTP."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self.abandon()
            return
        self.state = TUNNEL
        self.total_deadline = NEVER
        tunnel = self._tunnel = UpstreamTunnel(self._loop, self, self._settings.tunnel_timeout or NEVER, rest)
        self._hand_over(Body()).tunnel = tunnel

    def hold(self, held: int) -> bool:
        """See ``upstream_tunnel.Carrier``."""
        if held <= self._settings.high_water:
            return False
        self._transport.pause_reading()
        return True
