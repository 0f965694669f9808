"""The wire's server in tests: on real sockets in a thread of its own, or in memory for many small cases."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import attrs
from apim_sdk import Fault, Headers, Response
from apim_sdk.body import BodyError
from apim_sdk.identity import Client

from apim_core.http.connection import Connection
from apim_core.http.server import Server
from apim_core.http.settings import ServerSettings
from apim_core.http.stream import Stream


@attrs.frozen
class Seen:
    """One request as the handler saw it; ``body`` is None if it broke."""

    method: str
    path: str
    query: str
    host: str
    scheme: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    client: Client = attrs.field(eq=False)

    def header(self, name: str) -> str | None:
        """The one value of a header; None if it is not there."""
        values = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Recorder:
    """A handler that remembers each request and answers 200 with its body."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, stream: Stream) -> None:
        request = stream.request
        body: bytes | None = None
        try:
            body = await request.body.read()
        except BodyError as error:
            fault = getattr(error, "fault", None)
            await stream.respond(Response(fault.status if fault is not None else 413))
        finally:
            self.seen.append(
                Seen(
                    request.method,
                    request.path,
                    request.query_string,
                    request.host,
                    request.scheme,
                    tuple(request.headers.items()),
                    body,
                    stream.client,
                )
            )
        if body is not None:
            await stream.respond(Response(200, Headers([("Content-Type", "text/plain")]), body))


def refusal(fault: Fault) -> Response:
    """The plain text of a refusal."""
    return Response(
        fault.status, Headers([("Content-Type", "text/plain")]), str(fault).replace("HTTP/", "HTTP ").encode()
    )


# In memory


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; closes when it is told to."""

    def __init__(self, peer: tuple[str, int] = ("127.0.0.1", 50000)) -> None:
        super().__init__({"peername": peer})
        self.written = b""
        self.closed = False
        self.reading = True
        self.waiting = 0
        self.slow = False  # whether every write fills the buffer
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.closed, "written to after close"
        self.written += data
        if self.slow:
            self.protocol.pause_writing()  # type: ignore[union-attr]

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)  # type: ignore[union-attr]

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@attrs.frozen
class Outcome:
    """What came of some bytes: the requests that the handler saw, the answers, whether the connection was closed."""

    seen: tuple[Seen, ...]
    output: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers, in order; bodies must not look like status lines."""
        return [int(part[:3]) for part in self.output.split(b"HTTP/1.1 ")[1:]]


def drive(
    pieces: Sequence[bytes],
    settings: ServerSettings | None = None,
    handler: Callable[[Stream], Awaitable[None]] | None = None,
) -> Outcome:
    """Give a connection some bytes, piece by piece, and let everything that follows from them happen."""

    async def run() -> Outcome:
        async with in_memory(settings, handler) as session:
            for piece in pieces:
                await session.feed(piece)
            return session.outcome

    return asyncio.run(run())


class Session:
    """A connection on a transport in memory. ``clock`` is the server's: it stands still unless it is set."""

    def __init__(self, server: Server, recorder: Recorder, peer: tuple[str, int]) -> None:
        self.server = server
        self.clock = 1000.0
        server.time = lambda: self.clock
        server._sweeper.cancel()  # type: ignore[union-attr]  # pass_time does its work
        server.now = self.clock
        self.transport = MemoryTransport(peer)
        self.connection = self.transport.protocol = Connection(server)
        self.recorder = recorder
        self.connection.connection_made(self.transport)

    async def feed(self, data: bytes) -> None:
        """The client sends some bytes."""
        if data and not self.transport.closed:
            self.connection.data_received(data)
        await settle(self.connection)

    async def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass, with the server looking at the deadlines after every ``step`` seconds."""
        end = self.clock + seconds
        while self.clock < end:
            self.clock = self.server.now = min(end, self.clock + step)
            if self.connection.deadline < self.clock:
                self.connection.expire()
            await settle(self.connection)

    @property
    def outcome(self) -> Outcome:
        """What came of it so far."""
        return Outcome(tuple(self.recorder.seen), self.transport.written, self.transport.closed)


@contextlib.asynccontextmanager
async def in_memory(
    settings: ServerSettings | None = None,
    handler: Callable[[Stream], Any] | None = None,
    peer: tuple[str, int] = ("127.0.0.1", 50000),
) -> AsyncIterator[Session]:
    """A server with one connection in memory."""
    recorder = Recorder()
    server = Server(handler or recorder, settings or ServerSettings(name="test"), refuse=refusal)
    await server.start([])
    session = Session(server, recorder, peer)
    await settle(session.connection)
    try:
        yield session
    finally:
        await server.stop()


async def settle(connection: Connection) -> None:
    """Let the loop turn until nothing more happens by itself."""
    quiet = 0
    while quiet < 4:
        before = (connection._state, connection._task, connection._buffer)
        await asyncio.sleep(0)
        quiet = quiet + 1 if before == (connection._state, connection._task, connection._buffer) else 0


# On sockets


class Served:
    """A server that listens on the loopback address."""

    def __init__(self, server: Server, port: int, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.port = port
        self.seen = recorder.seen
        self._loop = loop

    def connect(self, context: ssl.SSLContext | None = None, name: str | None = None) -> socket.socket:
        """A connection to the server; reading from it fails after ten seconds."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made if context is None else context.wrap_socket(made, server_hostname=name)

    def exchange(self, data: bytes) -> bytes:
        """Send some bytes and read until the server closes."""
        with self.connect() as made:
            made.sendall(data)
            return read_all(made)

    def call(self, function: Callable[[], Any]) -> Any:
        """Call something in the server's thread; a coroutine is run to its end."""

        async def run() -> Any:
            result = function()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)


@contextlib.contextmanager
def serving(
    handler: Callable[[Stream], Any] | None = None,
    settings: ServerSettings | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Iterator[Served]:
    """Serve on a free port in a thread, with a Recorder unless a handler is given."""
    recorder = Recorder()
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listening.getsockname()[1]
    ready = threading.Event()
    box: list[Served] = []
    failures: list[BaseException] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = Server(handler or recorder, settings or ServerSettings(name="test"), refuse=refusal)
        await server.start([listening])
        stopped = asyncio.Event()
        served = Served(server, port, recorder, loop)
        served.stop = lambda: loop.call_soon_threadsafe(stopped.set)  # type: ignore[attr-defined]
        box.append(served)
        ready.set()
        await stopped.wait()
        await server.stop()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory or new_event_loop) as runner:
                runner.run(main())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    if failures:
        thread.join()
        raise failures[0]
    try:
        yield box[0]
    finally:
        box[0].stop()  # type: ignore[attr-defined]
        thread.join(20)
        assert not thread.is_alive(), "the server does not stop"
    if failures:
        raise failures[0]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, as the gateway does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def is_cut(connection: socket.socket) -> bool:
    """Whether the other side closes or resets the connection without another byte."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def read_answer(connection: socket.socket, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
    """One answer: status, headers by lower-case name, body."""
    stream = connection.makefile("rb", buffering=0)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.read(1)
        assert byte, f"the connection ended inside a head: {head!r}"
        head += byte
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    status = int(first.split()[1])
    if head_only or status in (204, 304) or status < 200:
        return status, headers, b""
    if headers.get("transfer-encoding") == "chunked":
        return status, headers, _read_chunks(stream)
    if "content-length" in headers:
        return status, headers, _read_exactly(stream, int(headers["content-length"]))
    return status, headers, read_all(connection)


def _read_exactly(stream: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.read(size - len(data))
        assert piece, f"the connection ended {size - len(data)} bytes early"
        data += piece
    return data


def _read_chunks(stream: Any) -> bytes:
    data = b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += _read_exactly(stream, 1)
        size = int(line, 16)
        data += _read_exactly(stream, size)
        assert _read_exactly(stream, 2) == b"\r\n"
        if size == 0:
            return data
