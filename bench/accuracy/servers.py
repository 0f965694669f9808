"""The store of a run: Redis servers of our own, and what becomes of them in the middle of it."""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from apim_traffic.simulation.scenario import Outage

from bench.process import free_port

START_LIMIT_SECONDS = 30.0
MASTER = "apim"
"""The name by which the Sentinel knows the master."""


class Store(Protocol):
    """Where processes count: the options of `redis-counters` that lead there, and how it is disturbed."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def sentinels(self) -> tuple[str, ...]:
        """The Sentinels to ask for the master, if it is one of theirs."""

    def disturb(self, seconds: float) -> Outage:
        """Be away from a third of so many seconds, which begin now, on; returns when that is over, and says how."""


class Single:
    """One server, at the same address again when it starts again; `how` is `kill` (it comes back empty) or `slow`."""

    sentinels = ()

    def __init__(self, folder: Path, how: str | None = None) -> None:
        self._path = folder / "redis"
        self._how = how
        self._command = ["--port", "0", "--unixsocket", str(self._path), "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def start(self) -> None:
        """Run; returns when it takes connections."""
        self._path.unlink(missing_ok=True)
        self._process = _server("redis-server", *self._command, "--save", "")
        _until(self._path.exists, "redis-server listens")

    def stop(self) -> None:
        """End at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def disturb(self, seconds: float) -> Outage:
        time.sleep(seconds / 3)
        if self._how == "kill":
            self.stop()
            time.sleep(seconds / 3)
            self.start()
            return Outage("restart", seconds / 3, 2 * seconds / 3, lose=True)
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds / 3)
        self._process.send_signal(signal.SIGCONT)
        return Outage("partition", seconds / 3, 2 * seconds / 3)


class Watched:
    """A master, its replica, and a Sentinel that makes the replica the master when that is gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._master, self._replica, self._sentinel = free_port(), free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"redis://{MASTER}/0"

    @property
    def sentinels(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self._sentinel}",)

    def start(self) -> None:
        """Run; returns when the replica has what the master has, and the Sentinel knows it."""
        for name, port, more in (
            ("master", self._master, ()),
            ("replica", self._replica, ("--replicaof", f"127.0.0.1 {self._master}", "--repl-diskless-sync-delay", "0")),
        ):
            folder = self._folder / name
            folder.mkdir()
            place = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
            self._processes.append(_server("redis-server", *place, "--save", "", *more))
        _until(lambda: "master_link_status:up" in _says(self._replica, "INFO replication"), "the replica follows")
        settings = self._folder / "sentinel.conf"
        settings.write_text(
            f"port {self._sentinel}\nbind 127.0.0.1\nsentinel monitor {MASTER} 127.0.0.1 {self._master} 1\n"
            f"sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 5000\n"
        )
        self._processes.append(_server("redis-sentinel", str(settings)))
        _until(
            lambda: str(self._replica) in _says(self._sentinel, f"SENTINEL REPLICAS {MASTER}"),
            "the Sentinel knows the replica",
        )

    def stop(self) -> None:
        """End all of them at once."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def disturb(self, seconds: float) -> Outage:
        """Kill the master. What it did not tell the replica is lost, at most all that it counted."""
        begun = time.monotonic()
        time.sleep(seconds / 3)
        self._processes[0].kill()
        _until(lambda: "role:master" in _says(self._replica, "INFO replication"), "the replica is the master")
        return Outage("restart", seconds / 3, time.monotonic() - begun, lose=True)


DISTURBANCES = ("kill", "slow", "failover")


@contextlib.contextmanager
def running(disturbed: str | None) -> Iterator[Store]:
    """The store of one run, which can be disturbed so."""
    with tempfile.TemporaryDirectory(prefix="apim-bench-") as folder:
        place = Path(folder)
        store = Watched(place) if disturbed == "failover" else Single(place, disturbed)
        with contextlib.ExitStack() as stack:
            stack.callback(store.stop)
            store.start()
            yield store


def _server(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    program = shutil.which(name)
    if program is None:
        raise SystemExit(f"bench.accuracy needs {name}: run tests/peers/install")
    return subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)


def _says(port: int, line: str) -> str:
    """What a server says first to an inline command; nothing while it does not take connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(line.encode() + b"\r\n")
            return connection.recv(65536).decode()
    except ConnectionError:
        return ""


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench.accuracy: after {START_LIMIT_SECONDS:.0f} s it has not come to this: {what}")
        time.sleep(0.01)
