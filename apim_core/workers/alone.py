"""One process without workers, with the same face as a pool of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from socket import socket
from typing import Any

from apim_sdk.context import Logger

from apim_core.access.revocations import Revocations
from apim_core.actions import Arguments, Outcome
from apim_core.config import Configuration
from apim_core.config.server import Address
from apim_core.resources import Answered, Asked
from apim_core.sharing import Shared
from apim_core.workers.serving import Serving
from apim_core.workers.sockets import address_of, open_or_take

__all__ = ["Alone"]


class Alone:
    """The gateway in the process of the service itself."""

    def __init__(self, log: Logger) -> None:
        self._serving = Serving(log)
        self.addresses: tuple[Address, ...] = ()

    @property
    def shared(self) -> Shared:
        """See ``Serving``."""
        return self._serving.shared

    @property
    def revocations(self) -> Revocations:
        """See ``Serving``."""
        return self._serving.revocations

    async def start(self, configuration: Configuration, handed: Sequence[socket]) -> None:
        """Serve. Raises ConfigErrors or OSError."""
        sockets = open_or_take(configuration, handed)
        self.addresses = tuple(map(address_of, sockets))
        try:
            await self._serving.start(configuration, sockets)
        except BaseException:
            for each in sockets:
                each.close()
            raise

    async def reload(self, read: Callable[[], Configuration]) -> Configuration:
        """Serve what ``read`` gives, and give it back. Raises what it raises, ConfigErrors or OSError; then nothing has
        changed."""
        configuration = await self._serving.prepare(read)
        await self._serving.commit()
        return configuration

    async def stop(self, cut: asyncio.Event) -> None:
        """Drain, as long as the configuration says or until ``cut`` is set, and end."""
        await self._serving.stop(cut)

    @property
    def ready(self) -> bool:
        """See ``apim_core.management.Observed``."""
        return self._serving.ready

    def status(self) -> Mapping[str, Any]:
        """See ``apim_core.management.Observed``."""
        return self._serving.status()

    async def metrics(self) -> bytes:
        """See ``apim_core.management.Observed``."""
        return await self._serving.metrics()

    async def act(self, name: str, arguments: Arguments) -> Outcome:
        """See ``Serving``."""
        return await self._serving.act(name, arguments)

    async def show(self, asked: Asked) -> Answered:
        """See ``Serving``."""
        return await self._serving.show(asked)
