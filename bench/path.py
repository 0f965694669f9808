"""What a request costs without the operating system: `python -m bench.path`.

The whole gateway serves over transports that do nothing, 32 clients at a time, and the best of many batches counts.
With `--instructions`, valgrind counts what the processor executes for a request: that figure hardly depends on who
else uses the machine, so a small change to the code can be judged by it.
"""

import argparse
import asyncio
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import structlog
import uvloop

from apim_core.config import load
from apim_core.gateway import Gateway
from apim_core.http.connection import Connection
from apim_core.workers.heap import Heap
from bench.backend import MEDIUM_BYTES, SMALL_BODY
from bench.install import Missing, Tools, provide_gateway
from bench.issuing import ALGORITHMS, configuration, token_request
from bench.load import CAPTURED
from bench.peers.apim import Apim
from bench.requests import request
from bench.service import PATH, Service
from bench.table import columns
from bench.tokens import tokens_for

CACHE = Path(__file__).parent / ".cache"
ISSUING = (*ALGORITHMS, "key-set")
"""Rows of the resident authorization server: a token by each algorithm, and an answer for which nothing is signed."""
ROWS = ("plain", "varied", "policies", "limits", "cache", "secured", "post", "64k", *ISSUING)
CONNECTIONS = 32
VARIED = 2000
"""Paths of the row in which nothing comes again soon; there is one answer more."""
TURNS = 32
"""Requests of each connection in a batch."""
COUNTED = (20, 84)
"""Turns of two runs; what one executes more than the other is the work of the difference."""
PIECES = 65_536
"""The most that arrives of an answer at once."""


@attrs.frozen
class Row:
    """What is asked of the gateway, by whom, and what the backend answers."""

    service: Service
    requests: tuple[bytes, ...]
    answers: tuple[bytes, ...] = (b"",)
    """What the backend answers, one after the other; all are of one length."""
    document: str | None = None
    """The gateway's configuration, where it is not made for the service."""

    def configure(self, folder: Path) -> Path:
        """The file of the gateway's configuration."""
        if self.document is None:
            Apim().configure(self.service, 0, folder, Tools({"apim": folder}, {}, {}))
        else:
            (folder / "gateway.yaml").write_text(self.document)
        return folder / "gateway.yaml"


def row(name: str) -> Row:
    """The row of the harness that has this name."""
    requests = (request(PATH),)
    service = Service(backend_port=9)
    if name in ISSUING:
        asked, algorithm = (token_request(), name) if name in ALGORITHMS else (request("/oauth2/jwks"), ALGORITHMS[0])
        # A store that stays: only the first run makes a key, which takes any number of instructions.
        CACHE.mkdir(exist_ok=True)
        kept = f"sqlite: {{path: {CACHE / algorithm}.db}}"
        return Row(service, (asked,), document=configuration(0, algorithm, kept))
    body = SMALL_BODY.encode()
    if name == "varied":
        requests = tuple(request(PATH.replace("4711", f"{number:04}")) for number in range(VARIED))
    if name == "policies":
        service = attrs.evolve(service, header_policies=True)
    elif name == "limits":
        service = attrs.evolve(service, limits=4)
    elif name == "cache":
        service = attrs.evolve(service, cached=True)
    elif name == "secured":
        service = attrs.evolve(service, tokens=tokens_for(1000, CACHE))
        assert service.tokens is not None
        requests = tuple(request(PATH, headers=(("Authorization", f"Bearer {t}"),)) for t in service.tokens.tokens)
    elif name == "post":
        requests = (request("/orders/1.0/items", method="POST", body=b"x" * 4096),)
    elif name == "64k":
        body = b"0123456789abcdef" * (MEDIUM_BYTES // 16)
    head = (
        f"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n"
    )
    if name == "varied":
        ids = (f"\r\nX-Request-ID: {number:04}\r\nContent-Type" for number in range(VARIED + 1))
        return Row(service, requests, tuple(head.replace("\r\nContent-Type", each).encode() + body for each in ids))
    return Row(service, requests, (head.encode() + body,))


class Transport:
    """The near end of a connection that has no far end: what is written goes to `taken`."""

    def __init__(self, taken: Callable[[Any, bytes], None]) -> None:
        self._taken = taken
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        self._taken(self.protocol, data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self._taken(self.protocol, b"".join(pieces))

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 50_000) if name == "peername" else None

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int) -> None:
        """Nothing ever waits here."""

    def pause_reading(self) -> None:
        """What comes is bounded anyway."""

    def resume_reading(self) -> None:
        """See above."""

    def close(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            asyncio.get_running_loop().call_soon(protocol.connection_lost, None)

    abort = close


class Ends:
    """The clients and the backend of a gateway, which they drive by hand."""

    def __init__(self, course: Row) -> None:
        self._requests = course.requests
        pieces = [[each[at : at + PIECES] for at in range(0, len(each), PIECES)] for each in course.answers]
        self._answers = itertools.cycle(pieces)
        self._size = 0
        self._sent = 0
        self._received = 0
        self._asked: list[Any] = []
        self.clients: list[Connection] = []
        self.transports: list[Transport] = []

    def connect(self, protocol: Any, taken: Callable[[Any, bytes], None]) -> Any:
        """Give a protocol its transport."""
        transport = Transport(taken)
        transport.protocol = protocol
        self.transports.append(transport)
        protocol.connection_made(transport)
        return protocol

    async def dial(self, make: Callable[[], Any]) -> Any:
        """In place of the dialer's: a connection to a backend that answers when `turn` comes to it."""
        return self.connect(make(), lambda protocol, _: self._asked.append(protocol))

    def answered(self, protocol: Any, data: bytes) -> None:
        """A client has received bytes."""
        self._received += len(data)

    async def begin(self) -> None:
        """Send each request once, so that all is known, and keep how long the answer to one is."""
        for each in self._requests:
            self._received = 0
            self.clients[0].data_received(each)
            for _ in range(20):
                await self._answer_all()
            if not self._received:
                raise RuntimeError("the gateway did not answer")
        self._size, self._received = self._received, 0

    async def turn(self) -> None:
        """One request on each connection, until all are answered."""
        requests = self._requests
        expected = self._received + self._size * len(self.clients)
        for client in self.clients:
            client.data_received(requests[self._sent % len(requests)])
            self._sent += 1
        while self._received < expected:
            await self._answer_all()

    async def _answer_all(self) -> None:
        await asyncio.sleep(0)
        asked, self._asked = self._asked, []
        for protocol in asked:
            for piece in next(self._answers):
                protocol.data_received(piece)


async def drive(course: Row, batches: Iterable[int]) -> list[float]:
    """Seconds of CPU time a request, for batches of so many turns each."""
    with tempfile.TemporaryDirectory(prefix="apim-path-") as name:
        Heap()  # as a worker has it: it sets the garbage collector
        gateway = Gateway(structlog.wrap_logger(None, processors=[_drop]))
        await gateway.start(load(course.configure(Path(name)), environment={}))
        ends = Ends(course)
        for pool in gateway.upstreams._open:
            pool._dialer.dial = ends.dial  # type: ignore[method-assign]  # that is what this is for
        ends.clients = [ends.connect(Connection(gateway._servers[0]), ends.answered) for _ in range(CONNECTIONS)]
        await ends.begin()
        seconds = []
        for turns in batches:
            began = time.process_time()
            for _ in range(turns):
                await ends.turn()
            seconds.append((time.process_time() - began) / (turns * CONNECTIONS))
        for transport in ends.transports:
            transport.close()
        await gateway.stop()
    return seconds


def _drop(logger: Any, method: str, event: Any) -> Any:
    raise structlog.DropEvent


def measure(name: str, batches: list[int]) -> float:
    """Microseconds a request of the best batch."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return min(runner.run(drive(row(name), batches))) * 1e6


def best(python: Path, name: str, batches: int) -> float:
    """The same in a process of its own, under another interpreter."""
    done = subprocess.run(_command(python, name, [TURNS] * batches), check=True, capture_output=True, text=True)
    return float(done.stdout)


def instructions(python: Path, name: str) -> float:
    """Instructions a request, thousands, as valgrind counts them; raises `Missing` without it."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Missing("valgrind", "apt-get install valgrind")
    counter = (valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    runs = [
        subprocess.Popen((*counter, *_command(python, name, [turns])), env=environment, **CAPTURED) for turns in COUNTED
    ]
    counts = []
    for run in runs:
        _, report = run.communicate()
        found = re.search(r"I\s+refs:\s+([\d,]+)", report)
        if run.returncode or found is None:
            raise RuntimeError(f"valgrind did not count: {report}")
        counts.append(int(found[1].replace(",", "")))
    return (counts[1] - counts[0]) / ((COUNTED[1] - COUNTED[0]) * CONNECTIONS) / 1e3


def _command(python: Path, name: str, batches: list[int]) -> tuple[str, ...]:
    return (str(python), "-m", "bench.path", "--measure", name, *map(str, batches))


def main(given: list[str]) -> int:
    """Print a line a row."""
    if given[:1] == ["--measure"]:
        print(measure(given[1], [int(turns) for turns in given[2:]]))
        return 0
    parser = argparse.ArgumentParser(prog="python -m bench.path", description=__doc__)
    parser.add_argument("--rows", default="plain,secured", help=f"comma-separated, of: {', '.join(ROWS)}")
    parser.add_argument("--batches", type=int, default=40, help="batches of a thousand requests (default 40)")
    parser.add_argument("--python", type=Path, help="interpreter beside which apim is installed")
    parser.add_argument("--instructions", action="store_true", help="count instructions too; half a minute a row")
    options = parser.parse_args(given)
    try:
        python = options.python or provide_gateway()
        lines = [("row", "best us", "thousand instructions")]
        for name in options.rows.split(","):
            timed = f"{best(python, name, options.batches):.2f}"
            counted = f"{instructions(python, name):.1f}" if options.instructions else "-"
            lines.append((name, timed, counted))
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    print(columns(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
