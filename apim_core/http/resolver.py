"""From a host name to all its addresses, looked up again when they are old; the last good ones are kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from math import inf
from typing import Any

__all__ = ["Address", "Lookup", "Resolver", "system_lookup"]

Address = tuple[int, tuple[Any, ...]]
"""Family (``socket.AF_INET`` or ``AF_INET6``) and socket address."""

Lookup = Callable[[str, int], Awaitable[tuple[Address, ...]]]
"""Finds the addresses of a host and port. Raises OSError."""


async def system_lookup(host: str, port: int) -> tuple[Address, ...]:
    """The addresses that the system's resolver knows, each once, in its order (RFC 6724)."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


class Resolver:
    """The addresses of one name.

    The first look-up is waited for. A later one, when the addresses are older than ``refresh`` seconds, runs beside
    the exchanges, which go on with the addresses that are known; if it fails or finds nothing, these stay. One look-up
    runs at a time, whoever waits for it.
    """

    def __init__(self, host: str, port: int, refresh: float, lookup: Lookup = system_lookup) -> None:
        self._host = host
        self._port = port
        self._refresh = inf if _is_address(host) else refresh
        self._lookup = lookup
        self._addresses: tuple[Address, ...] = ()
        self._due = 0.0
        self._running: asyncio.Task[OSError | None] | None = None
        self._turn = -1
        self.changes = 0
        """How often other addresses were found than before."""
        self.failures = 0
        """Look-ups that failed."""

    @property
    def busy(self) -> bool:
        """Whether a look-up is running."""
        return self._running is not None

    @property
    def hosts(self) -> frozenset[str]:
        """The addresses last found, in text."""
        return frozenset(address[0] for _, address in self._addresses)

    def refresh(self) -> None:
        """Begin to look up again if the addresses are old."""
        if self._running is None and asyncio.get_running_loop().time() >= self._due:
            self._running = asyncio.create_task(self._look_up())

    async def addresses(self) -> tuple[Address, ...]:
        """All addresses, beginning with the next one each time. Raises OSError if none was ever found."""
        if not self._addresses:
            self._due = 0.0
        self.refresh()
        running = self._running
        if not self._addresses and running is not None:
            await asyncio.wait((running,))
            error = OSError("the look-up was given up") if running.cancelled() else running.result()
            if error is not None:
                raise error
        self._turn += 1
        first = self._turn % len(self._addresses)
        return self._addresses[first:] + self._addresses[:first]

    async def _look_up(self) -> OSError | None:
        try:
            found = await self._lookup(self._host, self._port)
        except OSError as error:
            return self._failed(error)
        else:
            if not found:
                return self._failed(OSError(f"{self._host} has no address"))
            if set(found) != set(self._addresses):
                self.changes += 1
            self._addresses = found
            return None
        finally:
            self._due = asyncio.get_running_loop().time() + self._refresh
            self._running = None

    def _failed(self, error: OSError) -> OSError:
        self.failures += 1
        return error

    async def stop(self) -> None:
        """End a look-up that is running."""
        running = self._running
        if running is not None:
            running.cancel()
            await asyncio.wait((running,))
            self._running = None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
