"""Real Redis servers and Sentinels, each a process of its own on a free port."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from support.processes import eventually


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


class RedisProcess:
    """``redis-server`` that keeps its data in a folder, so that they last over a restart."""

    program = "redis-server"

    def __init__(self, folder: Path, *arguments: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which(self.program)
        assert program, f"tests need {self.program}: run tests/peers/install"
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [program, *self.command()], cwd=self.folder, stdout=output, stderr=subprocess.STDOUT
            )
        eventually(self.answers, f"{self.program} answers:\n{(self.folder / 'output').read_text()}", 20)

    def command(self) -> list[str]:
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        return [*settings, "--appendonly", "yes", "--appendfsync", "always", *self.arguments]

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "output").read_text()
        try:
            return self.send("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False

    def send(self, line: str) -> str:
        """What the server says first to an inline command."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(line.encode() + b"\r\n")
            return connection.recv(65536).decode()

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            self.process.wait(20)
            self.process = None


class SentinelProcess(RedisProcess):
    """``redis-sentinel`` that watches one master under the name ``apim``."""

    program = "redis-sentinel"

    def __init__(self, folder: Path, master: RedisProcess) -> None:
        super().__init__(folder)
        self.master = master

    def command(self) -> list[str]:
        file = self.folder / "sentinel.conf"
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\nsentinel monitor apim 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds apim 500\nsentinel failover-timeout apim 5000\n"
        )
        return [str(file)]


@attrs.frozen
class Watched:
    """A master, its replica, and a Sentinel that makes the replica the master when that is gone."""

    master: RedisProcess
    replica: RedisProcess
    sentinel: SentinelProcess

    def follows(self) -> bool:
        """Whether the replica has what the master has."""
        return "master_link_status:up" in self.replica.send("INFO replication")

    def known(self) -> bool:
        """Whether the Sentinel knows the replica."""
        return str(self.replica.port) in self.sentinel.send("SENTINEL REPLICAS apim")

    def failed_over(self) -> bool:
        """Whether the replica has become the master; it resets who is connected when it becomes so."""
        try:
            return "role:master" in self.replica.send("INFO replication")
        except ConnectionError:
            return False


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Servers that run, in step."""
    master = RedisProcess(folder / "master")
    follow = ("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0")
    replica = RedisProcess(folder / "replica", *follow)
    servers = Watched(master, replica, SentinelProcess(folder / "sentinel", master))
    with running(servers.master, servers.replica):
        eventually(servers.follows, "the replica follows", 30)
        with running(servers.sentinel):  # which asks the master for its replicas at once, then every ten seconds
            eventually(servers.known, "the Sentinel knows the replica", 30)
            yield servers


class ClusterProcess(RedisProcess):
    """A node of a cluster."""

    def command(self) -> list[str]:
        cluster = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", str(free_port()))
        return [*super().command(), *cluster]


def join(nodes: Sequence[ClusterProcess]) -> None:
    """Make one cluster of nodes that run, all of them masters, and wait until it is whole."""
    program = shutil.which("redis-cli")
    assert program, "tests need redis-cli: run tests/peers/install"
    places = [f"127.0.0.1:{node.port}" for node in nodes]
    made = subprocess.run(
        [program, "--cluster", "create", *places, "--cluster-yes"], capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stdout + made.stderr
    for node in nodes:
        eventually(lambda node=node: "cluster_state:ok" in node.send("CLUSTER INFO"), "the cluster is whole", 30)


@contextlib.contextmanager
def running(*servers: RedisProcess) -> Iterator[None]:
    """Servers between their start and their stop."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in reversed(servers):
            server.stop()
