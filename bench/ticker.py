"""A backend that sends small events at intervals, and a client that sees when each arrives."""

import base64
import contextlib
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import attrs

EVENTS = 40
INTERVAL_SECONDS = 0.05
LIMIT_SECONDS = 15.0
STAMP = re.compile(rb"@(\d{20})")
WEBSOCKET_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""The fixed text of RFC 6455, section 1.3."""
EVENT_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@attrs.frozen
class Arrival:
    """One event; times are of one clock, in nanoseconds."""

    sent: int
    arrived: int

    @property
    def delay_ms(self) -> float:
        """How long it took."""
        return (self.arrived - self.sent) / 1e6


def held_back(arrivals: tuple[Arrival, ...]) -> int:
    """How many events arrived only after the next one had been sent: they waited for it in a buffer."""
    return sum(one.arrived > following.sent for one, following in pairwise(arrivals))


def server_sent_event(payload: bytes) -> bytes:
    """An event as one chunk (RFC 9112, section 7.1)."""
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def websocket_frame(payload: bytes) -> bytes:
    """An unmasked text frame (RFC 6455, section 5.2) of at most 125 bytes."""
    return bytes((0x81, len(payload))) + payload


def websocket_head(request: bytes) -> bytes | None:
    """The answer 101 to a request for a WebSocket; None where it asks for something else."""
    found = re.search(rb"\r\nsec-websocket-key: *([^\r ]+)", request, re.IGNORECASE)
    if not found or not re.search(rb"\r\nupgrade: *websocket\r", request, re.IGNORECASE):
        return None
    accept = base64.b64encode(hashlib.sha1(found.group(1) + WEBSOCKET_SUFFIX, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _converse(channel: socket.socket) -> None:
    """Answer one request with events, then close; a client that leaves early ends it."""
    with channel, contextlib.suppress(OSError):
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while b"\r\n\r\n" not in request:
            if not (part := channel.recv(65536)):
                return
            request += part
        upgraded = websocket_head(request)
        wrap = websocket_frame if upgraded else server_sent_event
        channel.sendall(upgraded or EVENT_STREAM_HEAD)
        for _ in range(EVENTS):
            channel.sendall(wrap(b"@%020d" % time.perf_counter_ns()))
            time.sleep(INTERVAL_SECONDS)
        channel.sendall(b"\x88\x00" if upgraded else b"0\r\n\r\n")


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            channel, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(channel,), daemon=True).start()


@contextlib.contextmanager
def ticker() -> Iterator[int]:
    """A running backend; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener,), daemon=True)
        thread.start()
        try:
            port: int = listener.getsockname()[1]
            yield port
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(LIMIT_SECONDS)


def listen(port: int, request: bytes, status: int) -> tuple[Arrival, ...]:
    """Send a request and note when each event arrives, until all have or the connection closes.

    Raises ConnectionError where the answer has another status than the expected one.
    """
    arrivals: list[Arrival] = []
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as channel:
        channel.sendall(request)
        pending = channel.recv(65536)
        if not pending.startswith(b"HTTP/1.1 %d " % status):
            raise ConnectionError(f"expected status {status}, got {pending[:60]!r}")
        while True:
            now = time.perf_counter_ns()
            stamps = list(STAMP.finditer(pending))
            arrivals += (Arrival(int(stamp.group(1)), now) for stamp in stamps)
            if stamps:
                pending = pending[stamps[-1].end() :]
            if len(arrivals) >= EVENTS or not (part := channel.recv(65536)):
                return tuple(arrivals)
            pending += part
