"""The service: from a file to a gateway that serves, and what signals, systemd and changed files ask of it.

SIGTERM, SIGINT   drain, then end; a second one ends at once
SIGHUP            reload
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from socket import socket
from typing import Any, Protocol

import attrs
from structlog.typing import FilteringBoundLogger

from apim_core.actions import Arguments, Outcome
from apim_core.config import ConfigErrors, Configuration, load
from apim_core.config.server import Address
from apim_core.logging import configure_logging
from apim_core.management import Administration, Management
from apim_core.metrics import Metrics
from apim_core.notify import Notifier, handed_sockets
from apim_core.registry import Registry
from apim_core.resources import Answered, Asked
from apim_core.workers import loop
from apim_core.workers.alone import Alone
from apim_core.workers.banner import Banner
from apim_core.workers.control import Refused
from apim_core.workers.pool import Pool
from apim_core.workers.watching import changes, folders_of

__all__ = ["Options", "run"]

_FIXED = (
    "listen",
    "management",
    "workers",
    "log",
    "limits",
    "timeouts",
    "trusted_proxies",
    "forwarding_header",
    "guarded_headers",
    "via",
)
"""What only a new start changes."""


@attrs.frozen
class Options:
    """What the command line says. ``workers`` of None leaves it to the configuration."""

    file: Path
    workers: int | None = None
    watch: bool = False


def run(options: Options) -> int:
    """Serve until a signal ends it; the exit status, 1 if it cannot start. Raises ConfigErrors."""
    read_at = time.time()
    configuration = _with_workers(load(options.file, find_plugin=Registry().load), options)
    _allow_many_files()
    try:
        loop.run(_Service(options, configuration, read_at).run())
    except (OSError, Refused) as error:
        print(f"apim cannot serve: {error}", file=sys.stderr)
        return 1
    return 0


class _Gateway(Protocol):
    """One process, or a pool of them."""

    @property
    def addresses(self) -> tuple[Address, ...]: ...
    @property
    def ready(self) -> bool: ...
    async def start(self, configuration: Configuration, handed: Sequence[socket]) -> None: ...
    async def reload(self, read: Callable[[], Configuration]) -> Configuration: ...
    async def stop(self, cut: asyncio.Event) -> None: ...
    def status(self) -> Mapping[str, Any]: ...
    async def metrics(self) -> bytes: ...
    async def act(self, name: str, arguments: Arguments) -> Outcome: ...
    async def show(self, asked: Asked) -> Answered: ...


class _Service:
    def __init__(self, options: Options, configuration: Configuration, read_at: float) -> None:
        self._options = options
        self._configuration = configuration
        self._read_at = read_at
        self._log: FilteringBoundLogger = configure_logging(configuration.log)
        self._notifier = Notifier(os.environ)
        workers = self._workers = configuration.workers
        self._gateway: _Gateway = Alone(self._log) if workers == 1 else Pool(workers, self._log)
        self._metrics = Metrics()
        self._count_reload = self._metrics.counter("apim_reloads", "Reloads by result", ["result"])
        self._reload_wanted = asyncio.Event()
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until a signal, drain, end."""
        self._answer_signals()
        management = self._management()
        try:
            # First of all, so that whoever watches the start sees it alive and not yet ready.
            bound = await management.start() if self._configuration.management.enabled else None
            handed = handed_sockets(os.environ)
            if await self._start(handed):
                self._say(bound, bool(handed))
                self._notifier.ready(self._summary())
                await self._serve()
            self._notifier.stopping()
            self._log.info("draining: running requests may end")
        finally:
            await self._gateway.stop(self._cut)
            await management.stop()
        self._log.info("stopped")

    def _management(self) -> Management:
        configured = self._configuration.management

        def served() -> Configuration:
            return self._configuration

        if isinstance(self._gateway, Alone):
            administration = Administration(
                served,
                self._log,
                shared=self._gateway.shared,
                revocations=self._gateway.revocations,
                act=self._gateway.act,
                show=self._gateway.show,
            )
        else:
            administration = Administration(served, self._log, act=self._gateway.act, show=self._gateway.show)
        return Management(self, configured.listen, administration, configured.token)

    async def _start(self, handed: Sequence[socket]) -> bool:
        """Whether the gateway serves: False if a signal came before it did."""
        start = asyncio.create_task(self._gateway.start(self._configuration, handed))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        start.cancel()
        results = await asyncio.gather(start, return_exceptions=True)
        if self._stop.is_set():
            return False
        if results[0] is not None:
            raise results[0]
        return True

    async def _serve(self) -> None:
        background = [asyncio.create_task(self._reload_when_wanted()), asyncio.create_task(self._give_signs_of_life())]
        if self._options.watch:
            background.append(asyncio.create_task(self._watch()))
        stop = asyncio.create_task(self._stop.wait())
        # None of the others ends by itself, unless it fails; then its error ends the service.
        done, _ = await asyncio.wait((*background, stop), return_when=asyncio.FIRST_COMPLETED)
        for task in (*background, stop):
            task.cancel()
        await asyncio.gather(*background, stop, return_exceptions=True)
        for task in done:
            task.result()

    def _answer_signals(self) -> None:
        events = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            events.add_signal_handler(number, self._end)
        events.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    def _end(self) -> None:
        if self._stop.is_set():
            self._log.warning("a second signal: running requests are cut")
            self._cut.set()
        self._stop.set()

    async def _reload_when_wanted(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            self._notifier.reloading()
            result = "refused"
            try:
                await self._reload()
                result = "done"
                self._log.info("reloaded", **self.status())
            except ConfigErrors as errors:
                problems = [str(problem) for problem in errors.problems]
                self._log.error("the new configuration is refused; the old one goes on serving", problems=problems)
            except (Refused, OSError) as error:
                self._log.error("the reload failed; the old configuration goes on serving", reason=str(error))
            except Exception as error:
                self._log.error("the reload failed; the old configuration goes on serving", exc_info=error)
            self._count_reload(result)
            self._notifier.ready(self._summary())

    async def _reload(self) -> None:
        self._configuration = await self._gateway.reload(self._read)

    def _read(self) -> Configuration:
        """The configuration as the files are now; runs in a thread. Raises ConfigErrors and Refused."""
        self._read_at = time.time()
        configuration = _with_workers(
            load(self._options.file, find_plugin=lambda name, kind: Registry().load(name, kind)), self._options
        )
        changed = [name for name in _FIXED if getattr(configuration, name) != getattr(self._configuration, name)]
        if changed:
            raise Refused(f"{', '.join(changed)} changed, which needs a restart; nothing of the new file was taken")
        return configuration

    async def _watch(self) -> None:
        while True:
            folders = folders_of(self._options.file, self._configuration)
            begun = False
            async for changed in changes(folders, self._read_at, self._stop):
                if not begun:
                    begun = True
                    self._log.info("watching", folders=sorted(map(str, folders)))
                if changed:
                    self._log.info("files changed", files=sorted(changed))
                    self._reload_wanted.set()
                if folders_of(self._options.file, self._configuration) != folders:
                    break

    async def _give_signs_of_life(self) -> None:
        interval = self._notifier.watchdog_interval
        while interval is not None:
            self._notifier.alive()
            await asyncio.sleep(interval)
        await self._stop.wait()

    def _say(self, management: Address | None, handed: bool) -> None:
        addresses = self._gateway.addresses
        banner = Banner(self._configuration, addresses, management, self._workers, Registry(), handed)
        log = self._configuration.log
        if log.format == "text" or (log.format is None and sys.stderr.isatty()):
            print("\n".join(["apim", *(f"  {line}" for line in banner.lines())]), file=sys.stderr, flush=True)
        else:
            self._log.info("serving", **banner.facts())
        if self._configuration.welcome:
            print(self._configuration.welcome.rstrip(), flush=True)

    def _summary(self) -> str:
        status = self.status()
        return f"generation {status['generation']}, {status['apis']} APIs, {status['operations']} operations"

    @property
    def ready(self) -> bool:
        """See ``apim_core.management.Observed``."""
        return self._gateway.ready and not self._stop.is_set()

    def status(self) -> Mapping[str, Any]:
        """See ``apim_core.management.Observed``."""
        return self._gateway.status()

    async def metrics(self) -> bytes:
        """See ``apim_core.management.Observed``."""
        return await self._gateway.metrics() + self._metrics.exposition()


def _with_workers(configuration: Configuration, options: Options) -> Configuration:
    """The configuration with the number of workers that the command line says, if it says one."""
    return configuration if options.workers is None else attrs.evolve(configuration, workers=options.workers)


def _allow_many_files() -> None:
    """Raise the soft limit of open files to the hard one: every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
