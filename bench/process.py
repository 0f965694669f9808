"""Programs under measurement: started on given cores, awaited until they answer, ended by their own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from bench.affinity import pinned

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 10.0


@attrs.frozen
class DidNotStart(Exception):
    """A program ended, or took too long, before it answered as it should."""

    name: str
    seconds: float
    reason: str
    log: str

    def __str__(self) -> str:
        return f"{self.name} was not ready after {self.seconds:.1f} s: {self.reason}; the end of its log:\n{self.log}"


@attrs.frozen
class Running:
    """A program that answers on `port`."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    start_seconds: float
    """From the start of the process to its first answer."""

    @property
    def process_id(self) -> int:
        """The id of the first process; its children are found below it."""
        return self.process.pid

    @property
    def folder(self) -> Path:
        """Its working directory, which holds its configuration."""
        return self.log.parent

    def signal(self, number: int) -> None:
        """Send a signal to the first process."""
        self.process.send_signal(number)

    def stop(self) -> None:
        """End the program: ask, wait, then end its own process group, which holds nothing else."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(STOP_LIMIT_SECONDS)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def accepts(port: int) -> str | None:
    """Why nothing accepts connections on the port, or None when something does."""
    with socket.socket() as client:
        client.settimeout(1.0)
        error = client.connect_ex(("127.0.0.1", port))
        return os.strerror(error) if error else None


def start(
    name: str,
    command: tuple[str, ...],
    *,
    port: int,
    cores: tuple[int, ...],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    ready: Callable[[int], str | None] = accepts,
) -> Running:
    """Start a program in a session of its own and wait until `ready(port)` has no complaint; raises `DidNotStart`."""
    log = folder / f"{name.replace(' ', '-')}-{port}.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(command, cores),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    running = Running(name, port, process, log, 0.0)
    while (reason := ready(port)) is not None:
        elapsed = time.perf_counter() - began
        if process.poll() is not None or elapsed > START_LIMIT_SECONDS:
            running.stop()
            raise DidNotStart(name, elapsed, reason, log.read_text(errors="replace")[-2000:])
        time.sleep(0.01)
    return attrs.evolve(running, start_seconds=time.perf_counter() - began)
