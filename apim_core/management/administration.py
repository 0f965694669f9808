"""What the management port changes: the store for access, through an instance of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from apim_sdk.context import Logger

from apim_core.access.ledger import Ledger
from apim_core.access.opened_store import OpenedStore, identity_of
from apim_core.access.revocations import Revocations
from apim_core.actions import Act, Arguments, Outcome
from apim_core.config import ConfigErrors, Configuration
from apim_core.metrics import Metrics
from apim_core.registry import Registry
from apim_core.resources import Show, unserved
from apim_core.sharing import Shared

__all__ = ["Administration"]

_MOST_UPLOADS = 4


class Administration:
    """The store is opened when it is first needed, and anew when the configuration has another.

    ``configuration`` answers the one that is served. ``revocations`` are those of this process, where it serves by
    itself: they count where there is no store. ``act`` carries out what plugins offer, in every process; ``show`` has
    one process answer for a resource of a plugin, and ``uploads`` bounds how many bodies for those are held at a time.
    """

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        log: Logger,
        registry: Registry | None = None,
        shared: Shared | None = None,
        revocations: Revocations | None = None,
        act: Act | None = None,
        show: Show = unserved,
    ) -> None:
        self._configuration = configuration
        self.log = log
        self._registry = Registry() if registry is None else registry
        self._shared = Shared() if shared is None else shared
        self._metrics = Metrics()
        self._opened: tuple[Hashable, OpenedStore] | None = None
        self._opening = asyncio.Lock()
        self._ledger: Ledger | None = None
        self.revocations = revocations
        self.act: Act = _nothing if act is None else act
        self.show = show
        self.uploads = asyncio.Semaphore(_MOST_UPLOADS)

    @property
    def configuration(self) -> Configuration:
        """The configuration that is served."""
        return self._configuration()

    async def ledger(self) -> Ledger | None:
        """The entries of the store; None where there is none. Raises OSError where it is away."""
        configuration = self.configuration
        identity = identity_of(configuration)
        if self._ledger is not None and self._ledger.configuration is configuration:
            return self._ledger
        async with self._opening:
            if self._opened is None or self._opened[0] != identity:
                await self.aclose()
                if identity is None:
                    return None
                self._opened = identity, await self._open(configuration)
            self._ledger = Ledger(self._opened[1].store, configuration)
            return self._ledger

    async def _open(self, configuration: Configuration) -> OpenedStore:
        try:
            return await OpenedStore.open(configuration, self._registry, self._shared, self._metrics, self.log)
        except (ConfigErrors, ValueError, LookupError) as error:
            raise OSError(f"the store cannot be opened: {error}") from error

    async def aclose(self) -> None:
        """Let go of the store."""
        opened, self._opened, self._ledger = self._opened, None, None
        if opened is not None:
            await opened[1].aclose()


async def _nothing(name: str, arguments: Arguments) -> Outcome:
    return Outcome()
