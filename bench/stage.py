"""What rows run on: programs, cores, a backend, and gateways that are started and stopped in order."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from bench.affinity import Cores
from bench.backend import Backend, start_backend
from bench.cpu import core_time, others_share
from bench.install import Tools
from bench.load import Load, Wrk
from bench.peers import PEERS
from bench.probe import answers_200
from bench.process import Running, free_port, start
from bench.report import CALM
from bench.service import Service

CALM_SECONDS = 0.3
"""How long the core must be idle to count as calm."""


@attrs.frozen
class Settings:
    """What the command line chooses."""

    seconds: float = 2.0
    """Length of a timed run."""
    rounds: int = 5
    patience: float = 0.0
    """The longest wait, in seconds, for the gateway's core to be idle before a timed run."""
    peers: tuple[str, ...] = ()
    """The only peers to measure beside our gateway; all where it is empty."""
    connections: int = 32
    tokens: int = 1000
    """Distinct tokens of the secured row."""
    large_apis: int = 10_000
    reloads: int = 10_000
    """Reloads of the row `reloads`."""


@attrs.frozen
class Contestant:
    """A gateway with what it is asked to do and the load that it gets."""

    name: str
    peer: str
    service: Service
    load: Load


@attrs.frozen
class Stage:
    """Everything that a row needs; the folder holds its files and vanishes with the stage."""

    tools: Tools
    cores: Cores
    settings: Settings
    folder: Path
    backend: Backend

    @property
    def wrk(self) -> Wrk:
        """The load generator on the load side's cores."""
        return Wrk(self.tools.path("wrk"), self.settings.connections, self.cores.load)

    def has(self, peer: str) -> bool:
        """Whether a peer is installed."""
        return peer in self.tools.paths

    def wants(self, peer: str) -> bool:
        """Whether a peer is to be measured."""
        return peer == "apim" or not self.settings.peers or peer in self.settings.peers

    def wait_for_calm(self) -> None:
        """Wait until nobody uses the gateway's core, at most as long as the settings say."""
        deadline = time.monotonic() + self.settings.patience
        while time.monotonic() < deadline:
            before = core_time(self.cores.gateway)
            time.sleep(CALM_SECONDS)
            if others_share(core_time(self.cores.gateway).since(before), 0.0) <= CALM:
                return

    def start(self, contestant: Contestant) -> Running:
        """Configure and start a gateway in a folder of its own; raises `DidNotStart`."""
        folder = Path(tempfile.mkdtemp(prefix=f"{contestant.peer}-", dir=self.folder))
        folder.chmod(0o755)
        port = free_port()
        launch = PEERS[contestant.peer].configure(contestant.service, port, folder, self.tools)
        return start(
            contestant.peer,
            launch.command,
            port=port,
            cores=self.cores.gateway,
            folder=folder,
            environment=dict(launch.environment),
            ready=answers_200(contestant.load.requests[0], tls=contestant.load.tls),
        )

    @contextlib.contextmanager
    def running(self, contestant: Contestant) -> Iterator[Running]:
        """A gateway for the time of a block."""
        gateway = self.start(contestant)
        try:
            yield gateway
        finally:
            gateway.stop()


@contextlib.contextmanager
def open_stage(tools: Tools, cores: Cores, settings: Settings) -> Iterator[Stage]:
    """Start the backend in a temporary folder; end it and remove the folder afterwards, on SIGTERM too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="apim-bench-"))
    os.sched_setaffinity(0, cores.load)
    try:
        folder.chmod(0o755)
        backend = start_backend(folder, cores.load)
        try:
            yield Stage(tools, cores, settings, folder, backend)
        finally:
            backend.running.stop()
    finally:
        os.sched_setaffinity(0, {*cores.load, *cores.gateway})
        shutil.rmtree(folder)
