"""One client connection: what arrives on it, request by request, and what may be written to it.

Exactly one request is in work at a time; those that a client pipelines wait as bytes, bounded, and are read once the
answer before them has left, so that answers are in order by construction. States, and what moves between them:

    HEAD    a head is awaited or arriving     -> BODY, ANSWER (handler starts), LINGER (refused), CLOSED
    BODY    handler at work, body arriving    -> ANSWER (body complete), DRAIN (answered first), LINGER
    ANSWER  handler at work, body complete    -> HEAD (answered), TUNNEL (101), LINGER (not kept alive)
    DRAIN   answered; rest of body discarded  -> HEAD, LINGER
    TUNNEL  bytes are relayed both ways       -> CLOSED
    LINGER  last answer written; input is discarded until the client closes or its time is up -> CLOSED
    CLOSED  nothing more                      (every state -> CLOSED when the client goes; the handler is cancelled)

Time-outs cost one float: ``deadline``, which the server's sweeper compares with the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, cast

from apim_sdk.body import Body, BodyError, BodyTooLarge
from apim_sdk.errors import (
    BAD_REQUEST,
    CONTENT_TOO_LARGE,
    HEADERS_TOO_LARGE,
    POLICY_FAILURE,
    REQUEST_TIMEOUT,
    URI_TOO_LONG,
    Fault,
)
from apim_sdk.messages import Request

from apim_core.http.answer import answer_head
from apim_core.http.chunked import ChunkedDecoder
from apim_core.http.framing import Framing
from apim_core.http.head import HeadParser
from apim_core.http.inbound import BrokenBody, InboundBody
from apim_core.http.peer import peer_client
from apim_core.http.stream import ClientGone, Stream

if TYPE_CHECKING:
    from apim_core.http.server import Server

__all__ = ["Connection", "State"]

_DISCARDED = 64 * 1024
"""How much of a body that nobody wants is read to keep a connection."""


class State(Enum):
    """Where a connection stands; the module's docstring has the table."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    DRAIN = auto()
    TUNNEL = auto()
    LINGER = auto()
    CLOSED = auto()


_HEAD, _BODY, _ANSWER, _DRAIN, _TUNNEL, _LINGER, _CLOSED = State


class Connection(asyncio.Protocol):
    """The protocol of one client connection."""

    __slots__ = (
        "_body",
        "_buffer",
        "_client",
        "_decoder",
        "_left",
        "_parser",
        "_paused",
        "_requests",
        "_room",
        "_server",
        "_state",
        "_stream",
        "_task",
        "_transport",
        "_unflushed",
        "_wants_continue",
        "_will_close",
        "deadline",
        "full",
    )
    _transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = _HEAD
        self._buffer = b""
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._body: InboundBody | None = None
        self._decoder: ChunkedDecoder | None = None
        self._left = 0
        self._requests = 0
        self._will_close = False
        self._wants_continue = False
        self._paused = False
        self._room: asyncio.Future[None] | None = None
        self._unflushed = 0
        self.full = False
        """Whether more is waiting to be sent than should be: ``await room()`` before writing on."""
        self.deadline = inf
        """The loop's time at which ``expire`` is to be called."""

    # The life of a connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self._server
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not subclasses
        self._client = peer_client(transport, server.settings.trusted_proxies)
        self._parser = HeadParser(server.settings.limits, "http" if self._client.tls is None else "https")
        self.deadline = server.time() + server.timeouts.head
        fault = server.enter(self, self._client)
        if fault is not None:
            self._refuse(fault)

    def connection_lost(self, error: Exception | None) -> None:
        self._state = _CLOSED
        self.deadline = inf
        self._server.leave(self, self._client)
        self._parser.close()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self._body is not None:
            self._body.fail(BodyError("the client closed the connection"))
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> bool:
        return False

    # What arrives

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state is _HEAD:
            self._take_head(data)
        elif state is _BODY or state is _DRAIN:
            self._take_body(data)
        elif state is _ANSWER:
            self._buffer += data
            if len(self._buffer) > self._server.limits.pipeline_buffer:
                self._pause()

    def _take_head(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        while data.startswith(b"\r\n"):
            data = data[2:]
        server = self._server
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            self._keep_head(data)
            return
        try:
            if end > server.limits.head:
                raise _too_large(data, server.limits.request_line, server.limits.head)
            if end == len(data):
                head, rest = data, b""
            else:
                head, rest = data[:end], data[end:]
            self._buffer = b""
            request, framing = self._parser.read(head)
            if framing.length is not None and framing.length > server.limits.body:
                raise _body_too_large(server.limits.body)
            client = self._client
        except Fault as fault:
            self._refuse(fault)
            return
        self._begin(Stream(self, request, client, framing, server.time()), request, framing, rest)

    def _keep_head(self, data: bytes) -> None:
        """Hold an unfinished head, unless it can already be seen to be wrong or too long."""
        server = self._server
        if data and not self._buffer:
            self.deadline = server.time() + server.timeouts.head
        self._buffer = data
        if len(data) > server.limits.head or (len(data) > server.limits.request_line and b"\r\n" not in data):
            self._refuse(_too_large(data, server.limits.request_line, server.limits.head))
        elif data.count(b"\n") != data.count(b"\r\n") or b"\x00" in data or (data and data[:1] not in _FIRST):
            self._refuse(Fault(BAD_REQUEST, "This is not the head of an HTTP request"))

    def _begin(self, stream: Stream, request: Request, framing: Framing, rest: bytes) -> None:
        """Start the handler for a request whose head is complete."""
        server = self._server
        length = framing.length
        self.deadline = inf
        self._stream = stream
        self._requests += 1
        if length == 0:
            self._state = _ANSWER
            self._buffer = rest
        elif length is not None and len(rest) >= length:
            self._state = _ANSWER
            data, self._buffer = (rest, b"") if len(rest) == length else (rest[:length], rest[length:])
            stream.bytes_received = length
            self._parser.skip(data)
            request.body = Body(data)
        else:
            self._state = _BODY
            self._body = body = InboundBody(self, server.loop)
            request.body = Body.arriving(body, length)
            self._wants_continue = framing.expects_continue
            self._left = server.limits.body if length is None else length
            self._decoder = None
            if length is None:
                self._decoder = ChunkedDecoder(server.limits.chunk_extensions, server.limits.trailers)
            self._credit_body(0)
            if rest:
                self._take_body(rest)
        self._task = server.loop.create_task(self._run(stream))

    async def _run(self, stream: Stream) -> None:
        try:
            await self._server.handler(stream)
        except ClientGone:
            self.reset()
        except asyncio.CancelledError:
            self.reset()
            raise
        except Exception as error:
            self._handler_failed(stream, error)
        if not stream.answered:
            self._handler_failed(stream, RuntimeError("the handler did not answer the request"))
        self._finish()

    def _handler_failed(self, stream: Stream, error: Exception) -> None:
        server = self._server
        server.counters["handler_failures"] += 1
        server.loop.call_exception_handler(
            {"message": "a request handler failed", "exception": error, "protocol": self, "transport": self._transport}
        )
        if stream.answered or self._state is _CLOSED:
            self.reset()
        else:
            self._refuse(Fault(POLICY_FAILURE))

    def _finish(self) -> None:
        """The handler has returned: on to the next request."""
        self._task = None
        state = self._state
        if state is not _ANSWER and state is not _BODY:
            return
        stream, self._stream = self._stream, None
        if self._will_close or stream is None:
            self._close(unread=state is _BODY or bool(self._buffer))
        elif state is _BODY:
            self._state = _DRAIN
            self._credit_body(0)
            self._resume()
        else:
            self._await_next()

    def _await_next(self) -> None:
        server = self._server
        self._state = _HEAD
        self._body = None
        if self.full:
            self.deadline = server.time() + server.timeouts.write
        elif self._buffer:
            server.loop.call_soon(self._take_pipelined)
        else:
            self.deadline = server.time() + server.timeouts.idle
            self._resume()

    def _take_pipelined(self) -> None:
        if self._state is _HEAD and not self.full:
            data, self._buffer = self._buffer, b""
            self._resume()
            self._take_head(data)

    # The body of the request

    def _take_body(self, data: bytes) -> None:
        try:
            rest = self._feed_body(data)
        except Fault as fault:
            self._break_body(BrokenBody(fault))
            return
        except BodyTooLarge as error:
            self._break_body(error)
            return
        if rest is not None:
            self._buffer = rest
            self._end_body()
        elif self._body is not None and self._body.size > self._server.limits.body_buffer:
            self.deadline = inf
            self._pause()
        else:
            self._credit_body(len(data))

    def _feed_body(self, data: bytes) -> bytes | None:
        """Give the body what belongs to it. Answers what stands behind its end, None if that is still to come."""
        assert self._body is not None
        if self._decoder is not None:
            pieces, rest = self._decoder.feed(data)
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            ended = self._decoder.done
        else:
            piece, rest = (data, b"") if len(data) <= self._left else (data[: self._left], data[self._left :])
            ended = len(piece) == self._left
        if len(piece) > self._left:
            raise BodyTooLarge(self._server.limits.body)
        self._left -= len(piece)
        if piece:
            if self._stream is not None:
                self._stream.bytes_received += len(piece)
            self._body.feed(piece)
        return rest if ended else None

    def _credit_body(self, received: int) -> None:
        """Every byte buys time, so that the average rate counts, up to the time-out between two pieces."""
        timeouts = self._server.timeouts
        latest = self._server.time() + timeouts.body
        if received and timeouts.body_rate and self.deadline != inf:
            self.deadline = min(latest, self.deadline + received / timeouts.body_rate)
        else:
            self.deadline = latest

    def _end_body(self) -> None:
        assert self._body is not None
        self._wants_continue = False
        self._body.end()
        if self._state is _DRAIN:
            self._await_next()
        else:
            self._state = _ANSWER
            self.deadline = self._server.time() + self._server.timeouts.write if self.full else inf

    def _break_body(self, error: BodyError) -> None:
        """The rest of the body is of no use, nor is what follows on this connection."""
        assert self._body is not None
        self._will_close = True
        self.deadline = inf
        self._pause()
        self._body.fail(error)
        if self._state is _DRAIN:
            self._close(unread=True)

    def body_wanted(self) -> None:
        """See Feeder."""
        if self._wants_continue:
            self._wants_continue = False
            if self._stream is not None and not self._stream.answered:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._paused and self._state is _BODY and not self._will_close:
            self._credit_body(0)
            self._resume()

    def body_dropped(self) -> None:
        """See Feeder."""
        if self._state is _BODY and not self._will_close:
            self._resume()

    # What leaves

    @property
    def date(self) -> bytes:
        """The Date field of an answer, with CRLF in front."""
        return self._server.date

    def write(self, data: bytes) -> None:
        """Send bytes. Raises ClientGone."""
        if self._state is _CLOSED:
            raise ClientGone("the client closed the connection")
        self._transport.write(data)

    def write_all(self, pieces: Sequence[bytes]) -> None:
        """Send pieces in one go, without copying them together. Raises ClientGone."""
        if self._state is _CLOSED:
            raise ClientGone("the client closed the connection")
        self._transport.writelines(pieces)

    async def room(self) -> None:
        """Wait until the client has taken enough. Raises ClientGone."""
        while self.full and self._state is not _CLOSED:
            self._room = self._server.loop.create_future()
            await self._room
        if self._state is _CLOSED:
            raise ClientGone("the client closed the connection")

    def pause_writing(self) -> None:
        self.full = True
        self._unflushed = self._transport.get_write_buffer_size()
        self.deadline = self._server.time() + self._server.timeouts.write

    def resume_writing(self) -> None:
        self.full = False
        self.deadline = inf
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self._state is _HEAD:
            self._await_next()
        elif self._state is _BODY and not self._paused:
            self._credit_body(0)

    def close_after_answer(self) -> None:
        """Take no further request on this connection."""
        self._will_close = True

    def closing_fields(self, stream: Stream) -> bytes:
        """The Connection field of an answer that is about to leave; decides whether there will be another request."""
        framing = stream.framing
        server = self._server
        limit = server.limits.requests_per_connection
        if (
            not framing.keep_alive
            or server.draining
            or (limit and self._requests >= limit)
            or (self._state is _BODY and (self._decoder is not None or self._left > _DISCARDED or self._wants_continue))
        ):
            self._will_close = True
        if self._will_close:
            return b"\r\nConnection: close"
        return b"\r\nConnection: keep-alive" if framing.version_10 else b""

    # The end

    def expire(self) -> None:
        """The deadline has passed."""
        server = self._server
        self.deadline = inf
        waiting = self._transport.get_write_buffer_size()
        if waiting and self._state is not _TUNNEL:
            if waiting >= self._unflushed:
                server.counters["write_timeouts"] += 1
                self.reset()
            else:
                self._unflushed = waiting
                self.deadline = server.time() + server.timeouts.write
        elif self._state is _BODY:
            server.counters["body_timeouts"] += 1
            self._break_body(BrokenBody(Fault(REQUEST_TIMEOUT, "The body of the request did not arrive in time")))
        elif self._state is _HEAD and self._buffer:
            server.counters["head_timeouts"] += 1
            self._refuse(Fault(REQUEST_TIMEOUT, "The head of the request did not arrive in time"))
        elif self._state is _HEAD:
            self._close(unread=False)
        else:
            self.reset()

    def drain(self) -> None:
        """The server takes no more requests: close now if none is in work."""
        if self._state is _HEAD and not self._buffer:
            self._close(unread=False)
        elif self._state is _DRAIN:
            self._close(unread=True)

    def reset(self) -> None:
        """Cut the connection, so that no answer that is under way looks whole."""
        if self._state is not _CLOSED:
            self._state = _LINGER
            self._transport.abort()

    def _refuse(self, fault: Fault) -> None:
        """Answer what cannot be served, and close: nothing behind it can be trusted to be a request."""
        server = self._server
        server.counters["refused"] += 1
        response = server.refuse(fault)
        data = response.body.data or b""
        framing = b"\r\nContent-Length: %d\r\nConnection: close" % len(data)
        self._transport.write(answer_head(response, server.date, framing) + data)
        self._close(unread=True)

    def _close(self, *, unread: bool) -> None:
        """Close once everything is sent.

        What the client still sends is read and dropped for a while: closing with unread input would reset the
        connection and take the last answer with it (RFC 9112, section 9.6).
        """
        if self._state in (_LINGER, _CLOSED):
            return
        server = self._server
        self._state = _LINGER
        self._buffer = b""
        self._unflushed = self._transport.get_write_buffer_size()
        if not unread:
            self.deadline = server.time() + server.timeouts.write
            self._transport.close()
            return
        self.deadline = server.time() + (server.timeouts.write if self._unflushed else server.timeouts.linger)
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()


_FIRST = tuple(bytes((letter,)) for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _too_large(data: bytes, request_line: int, head: int) -> Fault:
    if data.find(b"\r\n", 0, request_line + 2) < 0:
        return Fault(URI_TOO_LONG, f"The request line is longer than {request_line} bytes")
    return Fault(HEADERS_TOO_LARGE, f"The head of the request is longer than {head} bytes")


def _body_too_large(limit: int) -> Fault:
    return Fault(CONTENT_TOO_LARGE, f"The body of the request is longer than {limit} bytes")
