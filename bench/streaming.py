"""A client and a backend for very large bodies, each of which pauses once to see who holds the data meanwhile."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import attrs

CHUNK = 1 << 20
PAUSE_AFTER = 64 << 20
PAUSE_SECONDS = 1.0
LIMIT_SECONDS = 120.0


@attrs.frozen
class Transfer:
    """What went through."""

    status: int
    body_bytes: int
    seconds: float
    """With the pause of one second."""


def _read_head(channel: socket.socket) -> tuple[bytes, bytes]:
    """The head of a message and what came with it of the body; raises ConnectionError at an early end."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = channel.recv(65536)
        if not part:
            raise ConnectionError(f"the head ended after {received[:200]!r}")
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def content_length(head: bytes) -> int:
    """The value of Content-Length, 0 where there is none."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def swallow(channel: socket.socket, expected: int, already: int) -> int:
    """Read a body to its length or to the end of the connection, pausing once; return its size."""
    buffer = bytearray(CHUNK)
    total = already
    paused = False
    while total < expected:
        if total >= PAUSE_AFTER and not paused:
            time.sleep(PAUSE_SECONDS)
            paused = True
        size = channel.recv_into(buffer, min(CHUNK, expected - total))
        if not size:
            break
        total += size
    return total


def download(port: int, head: bytes) -> Transfer:
    """Send a request and read the answer."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as channel:
        channel.sendall(head)
        answer, rest = _read_head(channel)
        size = swallow(channel, content_length(answer), len(rest))
    return Transfer(int(answer.split(b" ", 2)[1]), size, time.perf_counter() - began)


def upload(port: int, head: bytes, size: int) -> Transfer:
    """Send a request whose head announces `size` bytes, then the bytes, then read the answer's head."""
    began = time.perf_counter()
    block = bytes(CHUNK)
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as channel:
        channel.sendall(head)
        for _ in range(size // CHUNK):
            channel.sendall(block)
        answer, _ = _read_head(channel)
    return Transfer(int(answer.split(b" ", 2)[1]), size, time.perf_counter() - began)


@attrs.define
class Sink:
    """A backend that reads bodies away. Its threads add to `received`, one connection each."""

    port: int
    received: list[int]

    def serve(self, listener: socket.socket) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                channel, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(channel,), daemon=True).start()

    def _converse(self, channel: socket.socket) -> None:
        with channel:
            channel.settimeout(LIMIT_SECONDS)
            while True:
                try:
                    head, rest = _read_head(channel)
                    self.received.append(swallow(channel, content_length(head), len(rest)))
                    channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                except (ConnectionError, TimeoutError):
                    return


@contextlib.contextmanager
def sink() -> Iterator[Sink]:
    """A running sink on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = Sink(listener.getsockname()[1], [])
        thread = threading.Thread(target=backend.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield backend
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(LIMIT_SECONDS)
