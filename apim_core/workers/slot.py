"""The place of one worker: it is spawned, watched, and restarted when it ends.

    starting -> serving -> ended -> (back-off) -> starting ...      until stopped

A worker that had served a while is restarted at once; its sockets stay open meanwhile, and what waits in their queue is
served when it is back. One that keeps ending is restarted after ever longer delays; its sockets are closed while it
waits, so that the kernel gives all connections to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Awaitable, Callable

import attrs
from apim_sdk.context import Logger

from apim_core.config import ConfigErrors
from apim_core.workers.control import Answer, Asker, Refused, WorkerGone

__all__ = ["Backoff", "Shipment", "Slot", "Timing"]

_FAILURES = (ConfigErrors, OSError, TimeoutError, Refused)


@attrs.frozen
class Timing:
    """Spans of time, in seconds."""

    start: float = 120.0
    """For a worker to build and start a snapshot."""
    heartbeat: float = 10.0
    """Between two questions whether a worker is still there."""
    patience: float = 30.0
    """For it to answer; one that does not is killed."""
    proven: float = 10.0
    """How long a worker must have served for its end to count as the first failure."""
    longest_backoff: float = 30.0
    """Between two starts."""


class Backoff:
    """How long to wait before a start: not at all after a worker that had proven itself, then ever longer."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._failures = 0

    def after(self, served: float) -> float:
        """Seconds to wait after a worker ended that served so many seconds."""
        if served >= self._timing.proven:
            self._failures = 0
        delay = min(0.1 * 2 ** min(self._failures - 1, 20), self._timing.longest_backoff) if self._failures else 0.0
        self._failures += 1
        return delay


@attrs.frozen
class Shipment:
    """A configuration for workers, packed, and its number."""

    version: int
    packed: bytes


class Slot:
    """One worker after another."""

    def __init__(
        self,
        number: int,
        open_sockets: Callable[[], list[socket.socket]],
        shipment: Callable[[], Shipment],
        log: Logger,
        timing: Timing,
        count_for: Callable[[socket.socket, int], Awaitable[None]],
    ) -> None:
        self.number = number
        self.serving = False
        self.version = 0
        self.restarts = 0
        self.metrics = b""
        """The metrics that the worker gave last."""
        self.ended: Callable[[bytes], None] = lambda metrics: None
        """Called with the last metrics of a worker that ended by itself."""
        self._open_sockets = open_sockets
        self._shipment = shipment
        self._log = log
        self._timing = timing
        self._count_for = count_for
        self._backoff = Backoff(timing)
        self._sockets: list[socket.socket] = []
        self._asker = Asker()
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process of the worker, while there is one."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the first worker, and keep one running from now on. Raises what keeps it from starting."""
        await self._start_worker()
        self._life = asyncio.create_task(self._live(), name=f"worker {self.number}")

    async def ask(self, what: str, payload: bytes = b"", timeout: float | None = None) -> Answer:
        """Ask the worker. See ``Asker.ask``."""
        return await self._asker.ask(what, payload, timeout)

    def kill(self) -> None:
        """End the worker at once; another takes its place."""
        if self.pid is not None and self._process is not None:
            self._process.kill()

    def hurry(self) -> None:
        """Do not wait for the back-off any longer: the configuration has changed."""
        self._hurry.set()

    async def stop(self, drain: float, cut: asyncio.Event) -> None:
        """Let the worker drain at most ``drain`` seconds, or until ``cut`` is set, and end it."""
        self._stopping = True
        self._hurry.set()
        self._close_sockets()
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(*_FAILURES):  # it may be ending by itself, or hang
                await self.ask("stop", timeout=self._timing.patience)
            waiting = asyncio.create_task(process.wait())
            cutting = asyncio.create_task(cut.wait())
            await asyncio.wait((waiting, cutting), timeout=drain, return_when=asyncio.FIRST_COMPLETED)
            cutting.cancel()
            if process.returncode is None:
                if not cut.is_set():
                    self._log.warning("a worker did not end in time and is killed", worker=self.number, pid=process.pid)
                process.kill()
            await waiting
        if self._life is not None:
            await self._life
        await self._asker.close()

    async def _live(self) -> None:
        served_since = time.monotonic()
        while not self._stopping:
            await self._watch()
            if self._stopping:
                return
            served = time.monotonic() - served_since
            await self._wait(self._backoff.after(served))
            served_since = time.monotonic()
            if self._stopping:
                return
            self.restarts += 1
            try:
                await self._start_worker()
            except _FAILURES as error:
                self._log.error("a worker cannot start", worker=self.number, error=str(error))

    async def _watch(self) -> None:
        """Until the worker ends."""
        process = self._process
        if process is None:
            return
        heart = asyncio.create_task(self._listen_to_heart())
        status = await process.wait()
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        was_serving, self.serving = self.serving, False
        await self._asker.close()
        self._process = None
        self.ended(self.metrics)
        self.metrics = b""
        if was_serving and not self._stopping:
            self._log.error("a worker ended", worker=self.number, pid=process.pid, status=status)

    async def _listen_to_heart(self) -> None:
        while True:
            await asyncio.sleep(self._timing.heartbeat)
            try:
                await self.ask("status", timeout=self._timing.patience)
            except TimeoutError:
                self._log.error("a worker does not answer and is killed", worker=self.number, pid=self.pid)
                self.kill()
            except (WorkerGone, Refused):
                return

    async def _wait(self, delay: float) -> None:
        if not delay:
            return
        self._close_sockets()
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._hurry.wait()

    async def _start_worker(self) -> None:
        if not self._sockets:
            self._sockets = self._open_sockets()
        await self._spawn()
        try:
            shipment = self._shipment()
            await self.ask("start", shipment.packed, self._timing.start)
            # The configuration may have changed while the worker started.
            while shipment.version != (latest := self._shipment()).version:
                await self.ask("prepare", latest.packed, self._timing.start)
                await self.ask("commit", timeout=self._timing.patience)
                shipment = latest
        except BaseException:
            self.kill()
            raise
        self.version = shipment.version
        self.serving = True
        self._log.info("a worker serves", worker=self.number, pid=self.pid)

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        counting, asking = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for each in (ours, counting):
            each.setblocking(False)
        descriptors = [theirs.fileno(), asking.fileno(), *(each.fileno() for each in self._sockets)]
        try:
            # -P: a module in the working directory must not stand in for one of ours.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "apim_core.workers.worker", str(self.number), *map(str, descriptors)),
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
            )
        except OSError:
            ours.close()
            counting.close()
            raise
        finally:
            theirs.close()
            asking.close()
        self._asker = Asker()
        await self._asker.open(ours)
        await self._count_for(counting, self.number)

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets = []
