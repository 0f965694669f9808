"""One client connection: what arrives on it, request by request, and what becomes of it.

Exactly one request is in work at a time; those that a client pipelines wait as bytes, bounded, and are read once the
answer before them has left, so that answers are in order by construction. ``states`` has the table of its states.

Time-outs cost one float: ``deadline``, which the server's sweeper compares with the clock.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from math import inf
from typing import TYPE_CHECKING, Any, cast

from apim_sdk.body import Body, BodyError, BrokenBody
from apim_sdk.errors import BAD_REQUEST, CONTENT_TOO_LARGE, POLICY_FAILURE, REQUEST_TIMEOUT, Fault

from apim_core.http.framing import PLAIN
from apim_core.http.head import HeadParser, is_no_head, too_large
from apim_core.http.inbound import InboundBody
from apim_core.http.peer import Address, peer_client
from apim_core.http.pipelining import Pipelining
from apim_core.http.receiving import BodyReceiver
from apim_core.http.sending import CLOSE, ClientGone
from apim_core.http.states import State
from apim_core.http.stream import Stream

if TYPE_CHECKING:
    from apim_core.http.server import Server

__all__ = ["Connection"]

_UNANSWERED = "the handler did not answer the request"
_EMPTY_LINES = re.compile(rb"\A(?:\r\n)++")
_CARRIAGE_RETURN = 13
_KEEP_ALIVE = (b"Connection: keep-alive",)
_DISCARDED = 64 * 1024
"""How many bytes of a body that nobody wants are read to keep a connection."""


_HEAD, _BODY, _ANSWER, _NEXT, _DRAIN, _TUNNEL, _LINGER, _CLOSED = State


class Connection(Pipelining):
    """The protocol of one client connection."""

    __slots__ = (
        "_client",
        "_parser",
        "_requests_left",
        "_source",
        "_stream",
        "_task",
        "_wants_continue",
        "will_close",
    )

    def __init__(self, server: Server, source: tuple[Address, int] | None = None) -> None:
        super().__init__(server)
        self._source = source
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._requests_left = server.limits.requests_per_connection
        self.will_close = server.draining
        """Whether no further request is taken on this connection."""
        self._wants_continue = False

    # The life of a connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self.server
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not subclasses
        self._client = peer_client(transport, self._source, server.settings.trusted_proxies, server.sent)
        self._parser = HeadParser(server.limits, server.guard, self._client)
        self.deadline = server.time() + server.timeouts.head
        fault = server.enter(self, self._client)
        if fault is not None:
            self._refuse(fault)

    def connection_lost(self, error: Exception | None) -> None:
        self._state = _CLOSED
        self.gone = True
        self.deadline = inf
        self.server.leave(self, self._client)
        self._parser.close()
        self._wake()
        if self._receiver is not None:
            self._receiver.body.fail(BodyError("the client closed the connection"))
        if self._task is not None:
            self.server.loop.call_soon(self._task.cancel)  # once it has begun, so that what it holds is given back
            self._task = None  # whose traceback would hold the frames that hold this connection, and a whole snapshot

    def eof_received(self) -> None:
        """The client sends nothing more; the transport closes, once what has been answered is written to it."""
        self.flush()

    # Heads

    def data_received(self, data: bytes) -> None:
        if self._state is not _HEAD:
            self._receive(data)
            return
        if self._buffer:
            data = self._buffer + data
        if data[0] == _CARRIAGE_RETURN:
            data = _EMPTY_LINES.sub(b"", data, 1)
        server = self.server
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            self._keep_head(data)
            return
        head, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        try:
            request, framing, client = self._parser.read(head)
        except Fault as fault:
            self._refuse(fault)
            return
        stream = Stream(self, request, client, framing, server.time())
        if framing is PLAIN:
            self.deadline = inf
            self._state = _ANSWER
            self._buffer = rest
        elif not self._frame(stream, rest):
            return
        self._stream = stream
        self._requests_left = left = self._requests_left - 1
        if left == 0:
            self.will_close = True
        try:
            waiting = server.handler(stream)
        except Exception as error:
            self._failed(stream, error)
        else:
            if waiting is not None:
                self._task = asyncio.Task(self._wait(stream, waiting), loop=server.loop, name="request")  # costs less
                return
            if not stream.answered:
                self._failed(stream, RuntimeError(_UNANSWERED))
        self._finish()

    def _receive(self, data: bytes) -> None:
        """Take what arrives while a request is in work."""
        state = self._state
        if state is _BODY or state is _DRAIN:
            self._take_body(data)
        elif state is _ANSWER or state is _NEXT:
            self._buffer += data
            self._bound_pipeline()
        elif state is _TUNNEL:
            self._take_tunnelled(data)

    def _keep_head(self, data: bytes) -> None:
        """Hold an unfinished head, unless it can already be seen to be wrong or too long."""
        server = self.server
        if data and not self._buffer:
            self.deadline = server.time() + server.timeouts.head
        elif self.deadline == inf:
            self.deadline = server.time() + server.timeouts.idle
        self._buffer = data
        if len(data) > server.limits.head or (len(data) > server.limits.request_line and b"\r\n" not in data):
            self._refuse(too_large(data, server.limits))
        elif is_no_head(data):
            self._refuse(Fault(BAD_REQUEST, "This is not the head of an HTTP request"))

    def _frame(self, stream: Stream, rest: bytes) -> bool:
        """Set out to receive the body; False if it is refused."""
        server = self.server
        framing = stream.framing
        length = framing.length
        self.deadline = inf
        if length == 0:
            self._state = _ANSWER
            self._buffer = rest
            return True
        if length is not None and length > server.limits.body:
            self._refuse(Fault(CONTENT_TOO_LARGE, f"The body of the request is longer than {server.limits.body} bytes"))
            return False
        if length is not None and len(rest) >= length:
            self._state = _ANSWER
            data, self._buffer = (rest, b"") if len(rest) == length else (rest[:length], rest[length:])
            stream.bytes_received = length
            self._parser.skip(data)
            stream.request.body = Body.arrived(data)
            return True
        self._state = _BODY
        self._buffer = b""
        body = InboundBody(self, server.loop)
        self._receiver = BodyReceiver(body, length, server.limits)
        stream.request.body = Body.arriving(body, length)
        self._wants_continue = framing.expects_continue
        self._credit_body(0)
        self._stream = stream
        if rest:
            self._take_body(rest)
        return True

    # The handler

    async def _wait(self, stream: Stream, waiting: Coroutine[Any, Any, None]) -> None:
        try:
            await waiting
        except asyncio.CancelledError:
            self.reset()
            raise
        except Exception as error:
            self._failed(stream, error)
        else:
            if not stream.answered:
                self._failed(stream, RuntimeError(_UNANSWERED))
        self._finish()

    def _failed(self, stream: Stream, error: Exception) -> None:
        if isinstance(error, ClientGone):
            self.reset()
            return
        server = self.server
        server.counters["handler_failures"] += 1
        server.loop.call_exception_handler(
            {"message": "a request handler failed", "exception": error, "protocol": self, "transport": self._transport}
        )
        if stream.answered or self.gone:
            self.reset()
        else:
            self._refuse(Fault(POLICY_FAILURE))

    def _finish(self) -> None:
        """The handler has returned: on to the next request."""
        self._task = None
        self._stream = None
        state = self._state
        if state is _ANSWER and not self.will_close:
            if self._buffer or self.full or self._paused:
                self._await_next()
            else:
                self._state = _HEAD
                self._receiver = None
                self.deadline = self.server.now + self.server.timeouts.idle
        elif state is _ANSWER or state is _TUNNEL:
            self._close(unread=self._buffer != b"")
        elif state is _BODY and self.will_close:
            self._close(unread=True)
        elif state is _BODY:
            self._state = _DRAIN
            self._credit_body(0)
            self._resume()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._state is _NEXT:
            self.deadline = inf
            self._await_next()
        elif self._state is _BODY and not self._paused:
            self._credit_body(0)
        elif self._state is not _LINGER:
            self.deadline = inf

    # The body of the request

    def _take_body(self, data: bytes) -> None:
        receiver = self._receiver
        assert receiver is not None
        try:
            rest = receiver.feed(data)
        except BodyError as error:
            self._break_body(error)
            return
        if self._stream is not None:
            self._stream.bytes_received = receiver.received
        if rest is not None:
            self._buffer = rest
            self._end_body()
        elif receiver.body.size > self.server.limits.body_buffer:
            self.deadline = inf
            self._pause()
        else:
            self._credit_body(len(data))

    def _credit_body(self, received: int) -> None:
        """Every byte buys time, so that the average rate counts, up to the time-out between two pieces."""
        timeouts = self.server.timeouts
        latest = self.server.time() + timeouts.body
        if received and timeouts.body_rate and self.deadline != inf:
            self.deadline = min(latest, self.deadline + received / timeouts.body_rate)
        else:
            self.deadline = latest

    def _end_body(self) -> None:
        self._wants_continue = False
        self.deadline = inf
        if self._state is _DRAIN:
            self._await_next()
        else:
            self._state = _ANSWER
        if self.full:
            self._expect_progress()

    def _break_body(self, error: BodyError) -> None:
        """The rest of the body is of no use, nor is what follows on this connection."""
        assert self._receiver is not None
        self.will_close = True
        self.deadline = inf
        self._receiver.body.fail(error)
        if self._state is _DRAIN:
            self._close(unread=True)
        else:
            self._pause()

    def body_wanted(self) -> None:
        """See Feeder."""
        if self._wants_continue:
            self._wants_continue = False
            if self._stream is not None and not self._stream.answered:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._paused and (self._state is _BODY or self._state is _TUNNEL) and not self.gone:
            self._credit_body(0)
            self._resume()

    def body_dropped(self) -> None:
        """See Feeder."""
        if self._state is _BODY:
            self._resume()

    # The answer

    def closing_fields(self, stream: Stream) -> tuple[bytes, ...]:
        """The Connection field of an answer that is about to leave; decides whether there will be another request."""
        framing = stream.framing
        if not self.will_close:
            if self._state is _ANSWER and framing.keep_alive:
                return _KEEP_ALIVE if framing.version_10 else ()
            left = None if self._receiver is None else self._receiver.left
            if framing.keep_alive and not self._wants_continue and left is not None and left <= _DISCARDED:
                return ()
            self.will_close = True
        return CLOSE

    def switch(self) -> InboundBody:
        """Change to relaying bytes; answers where those of the client come from, first the ones that wait here."""
        body = InboundBody(self, self.server.loop)
        self._receiver = BodyReceiver(body, None, self.server.limits)
        self._state = _TUNNEL
        data, self._buffer = self._buffer, b""
        if data:
            self._take_tunnelled(data)
        self._resume()
        return body

    def _take_tunnelled(self, data: bytes) -> None:
        assert self._receiver is not None
        assert self._stream is not None
        self._stream.bytes_received += len(data)
        self._receiver.body.feed(data)
        self.keep_tunnel()
        if self._receiver.body.size > self.server.limits.body_buffer:
            self._pause()

    def keep_tunnel(self) -> None:
        """Something went through the tunnel."""
        if not self.full:
            self.deadline = self.server.now + self.server.timeouts.tunnel

    # The end

    def expire(self) -> None:
        """The deadline has passed."""
        server = self.server
        state = self._state
        self.deadline = inf
        if self.full or (self._transport.get_write_buffer_size() and state is not _TUNNEL):
            if self._progressed():
                self._expect_progress()
            else:
                server.counters["write_timeouts"] += 1
                self.reset()
        elif state is _BODY:
            server.counters["body_timeouts"] += 1
            self._break_body(BrokenBody(Fault(REQUEST_TIMEOUT, "The body of the request did not arrive in time")))
        elif state is _HEAD and self._buffer:
            server.counters["head_timeouts"] += 1
            self._refuse(Fault(REQUEST_TIMEOUT, "The head of the request did not arrive in time"))
        elif state is _HEAD:
            self._close(unread=False)
        else:
            self.reset()

    def drain(self) -> None:
        """The server takes no more requests: close now if none is in work."""
        if (self._state is _HEAD or self._state is _NEXT) and not self._buffer:
            self._close(unread=False)
        elif self._state is _DRAIN:
            self._close(unread=True)
        else:
            self.will_close = True
