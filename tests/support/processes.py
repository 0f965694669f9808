"""``apim run`` as a process of its own: started, signalled, asked over real sockets, and always ended."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PLUGINS = '''
"""Plugins that a test steers by files in its folder."""
import asyncio, os, time
from pathlib import Path
import attrs
from apim_sdk import Endpoint, Exchange, Limit, Policy, Reject, Response

@attrs.frozen
class ProcessId(Endpoint):
    """Answers with the number of its process."""
    async def send(self, exchange: Exchange) -> Response:
        return Response(200, body=str(os.getpid()).encode())

@attrs.frozen
class WaitForFile(Endpoint):
    """Answers when a file is there; says that it waits by making another."""
    path: str
    async def send(self, exchange: Exchange) -> Response:
        Path(self.path + ".waiting").touch()
        while not Path(self.path).exists():
            await asyncio.sleep(0.01)
        return Response(200, body=b"waited")

@attrs.frozen
class FailAtStart(Policy):
    """Ends its process (the first that comes), or refuses to start (in the same way)."""
    claim: str
    how: str = "refuse"
    async def start(self, context) -> None:
        try:
            os.rename(self.claim, self.claim + ".claimed")
        except FileNotFoundError:
            return
        if self.how == "exit":
            os._exit(3)
        raise ValueError("this one cannot start")
    def on_request(self, exchange: Exchange) -> None:
        pass

@attrs.frozen
class EndWhileThere(Policy):
    """Ends its process at the start as long as a file is there."""
    path: str
    async def start(self, context) -> None:
        if Path(self.path).exists():
            os._exit(4)
    def on_request(self, exchange: Exchange) -> None:
        pass

@attrs.frozen
class BlockStart(Policy):
    """Never ends to start; says that it has begun by making a file."""
    path: str
    async def start(self, context) -> None:
        Path(self.path).touch()
        await asyncio.Event().wait()
    def on_request(self, exchange: Exchange) -> None:
        pass

@attrs.frozen
class CountTogether(Policy):
    """Counts every request by its query string, with whoever counts by the same name."""
    units: int
    counters: str | None = None
    counter: object = attrs.field(default=None, init=False, eq=False)
    async def start(self, context) -> None:
        store = context.counters(self.counters)
        self.hold(counter=store and store.counter("together", Limit(self.units, 3600.0, "fixed-window")))
    async def on_request(self, exchange: Exchange) -> None:
        if self.counter is None:
            raise Reject(501, "this process counts by itself")
        if not (await self.counter.grant(exchange.request.query_string, 1, 1)).units:
            raise Reject(429, "enough")

@attrs.frozen
class Hang(Policy):
    """Blocks its process."""
    def on_request(self, exchange: Exchange) -> None:
        if exchange.request.query_string == "hang":
            time.sleep(600)
'''

_ENTRY_POINTS = """
[apim.plugins]
process-id = steered:ProcessId
wait-for-file = steered:WaitForFile
fail-at-start = steered:FailAtStart
end-while-there = steered:EndWhileThere
hang = steered:Hang
count-together = steered:CountTogether
block-start = steered:BlockStart
"""


def install_plugins(folder: Path) -> Path:
    """A folder for PYTHONPATH with a distribution of the plugins above."""
    site = folder / "site"
    metadata = site / "steered-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (site / "steered.py").write_text(PLUGINS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: steered\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(_ENTRY_POINTS)
    return site


def eventually(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first true value of ``condition``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it never came to this: {what}"
        time.sleep(0.01)
    return value


class Running:
    """One ``apim run``."""

    def __init__(self, folder: Path, arguments: list[str], environment: Mapping[str, str], prefix: list[str]) -> None:
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        self.raw: list[str] = []
        program = [sys.executable, "-c", "import sys; from apim_core.cli import main; sys.exit(main())"]
        self.process = subprocess.Popen(
            [*prefix, *program, "run", str(folder / "apim.yaml"), *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(install_plugins(folder)), **environment},
            close_fds=not prefix,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.raw.append(line)
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))

    @property
    def output(self) -> str:
        return "".join(self.raw)

    def logged(self, event: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th line of an event, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if line["event"] == event][count - 1 :]

        def ended_or_found() -> Any:
            return found() or (self.process.poll() is not None and not self._reader.is_alive())

        eventually(ended_or_found, f"{event!r} is logged {count} times")
        assert found(), self.output
        return found()[0]

    @functools.cached_property
    def started(self) -> dict[str, Any]:
        """What it says when it serves."""
        return self.logged("serving")

    def forget(self) -> None:
        """Begin to read the log anew."""
        assert self.started
        self.lines.clear()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.started["listen"][0].rpartition(":")[2])

    @property
    def management(self) -> int:
        """Where its management port listens."""
        return int(self.started["management"].rpartition(":")[2])

    def get(self, path: str) -> tuple[int, str]:
        """GET on a new connection to the listener."""
        return fetch(self.port, path)

    def manage(self, path: str) -> tuple[int, str]:
        """GET from the management port."""
        return fetch(self.management, path)

    def workers(self) -> list[dict[str, Any]]:
        """The workers, as the management port tells of them."""
        return json.loads(self.manage("/snapshot")[1])["workers"]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit status."""
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def configure(self, text: str) -> None:
        write(self.folder, text)


def fetch(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def write(folder: Path, text: str) -> None:
    """Put a configuration in the place of the one before, in one step."""
    new = folder / "apim.yaml.new"
    new.write_text(textwrap.dedent(text))
    new.rename(folder / "apim.yaml")


def configuration(
    *, endpoint: str = "{process-id: {}}", flows: str = "{}", rest: str = "", context: str = "/api"
) -> str:
    """One open API with ``GET /x``, on free ports."""
    return (
        "listen: 127.0.0.1:0\n"
        "management: {listen: '127.0.0.1:0'}\n"
        "log: {format: json}\n"
        "apis:\n"
        "  - name: one\n"
        f"    context: {context}\n"
        f"    endpoint: {endpoint}\n"
        "    plans: [{name: public, authentication: {keyless: {}}}]\n"
        f"    flows: {flows}\n"
        "    operations: [{match: GET /x}]\n"
    ) + textwrap.dedent(rest)


@contextlib.contextmanager
def running(
    folder: Path,
    text: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    prefix: list[str] | None = None,
) -> Iterator[Running]:
    """``apim run`` on a configuration; killed at the end if it has not ended by then."""
    write(folder, text)
    started = Running(folder, list(arguments), environment or {}, prefix or [])
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.signal(signal.SIGTERM)
            try:
                started.process.wait(20)
            except subprocess.TimeoutExpired:
                started.process.kill()
                started.process.wait()
        started._reader.join(20)
        assert started.process.stderr is not None
        started.process.stderr.close()
