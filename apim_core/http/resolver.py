"""From a host name to all its addresses, looked up again when they are old; the last good ones are kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Address", "Lookup", "Resolver"]

Address = tuple[int, tuple[Any, ...]]
"""Family (``socket.AF_INET`` or ``AF_INET6``) and socket address."""

Lookup = Callable[[str, int], Awaitable[tuple[Address, ...]]]


async def _system_lookup(host: str, port: int) -> tuple[Address, ...]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


class Resolver:
    """The addresses of one name.

    The first look-up is waited for; a later one, when the addresses are older than ``refresh`` seconds, runs beside
    the exchanges, which go on with the addresses that are known. A look-up that fails changes nothing. One look-up
    runs at a time.
    """

    def __init__(self, host: str, port: int, refresh: float, lookup: Lookup = _system_lookup) -> None:
        self._host = host
        self._port = port
        self._refresh = refresh
        self._lookup = lookup
        self._addresses: tuple[Address, ...] = ()
        self._looked_up = 0.0
        self._running: asyncio.Task[None] | None = None
        self._turn = 0
        self.failures = 0
        """Look-ups that failed."""

    async def addresses(self) -> tuple[Address, ...]:
        """All addresses, beginning with another one each time. Raises OSError if none was ever found."""
        stale = asyncio.get_running_loop().time() - self._looked_up >= self._refresh
        if (stale or not self._addresses) and self._running is None:
            self._running = asyncio.create_task(self._look_up())
        if not self._addresses and self._running is not None:
            await asyncio.shield(self._running)
        self._turn += 1
        first = self._turn % len(self._addresses)
        return self._addresses[first:] + self._addresses[:first]

    async def _look_up(self) -> None:
        try:
            found = await self._lookup(self._host, self._port)
            if not found:
                raise OSError(f"{self._host} has no address")
            self._addresses = found
        except OSError:
            self.failures += 1
            if not self._addresses:
                raise
        finally:
            self._looked_up = asyncio.get_running_loop().time()
            self._running = None

    async def stop(self) -> None:
        """End a look-up that is running."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
