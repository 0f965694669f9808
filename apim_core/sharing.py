"""What plugin instances share.

It is opened by the first that asks, and closed when the last snapshot that took it has stopped.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

__all__ = ["Lease", "Shared"]

T = TypeVar("T")


class _Entry:
    def __init__(self, value: asyncio.Future[Any]) -> None:
        self.value = value
        self.leases = 0


class Shared:
    """Values by key, reference-counted over snapshots. Lives as long as the gateway."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def lease(self) -> Lease:
        """A new snapshot's hold on what it takes."""
        return Lease(self._entries)


class Lease:
    """What one snapshot has taken; ``release`` gives it all back."""

    def __init__(self, entries: dict[Hashable, _Entry]) -> None:
        self._entries = entries
        self._held: list[Hashable] = []

    async def take(self, key: Hashable, open_: Callable[[], T | Awaitable[T]]) -> T:
        """The value of ``key``; ``open_`` makes it if nobody has. An opening that fails is forgotten, and raises."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(asyncio.get_running_loop().create_future())
            try:
                opened = open_()
                entry.value.set_result(await opened if inspect.isawaitable(opened) else opened)
            except BaseException as error:
                del self._entries[key]
                entry.value.set_exception(error)
                entry.value.exception()  # whoever else waits gets it; without them it would be reported as lost
                raise
        if key in self._held:
            return cast(T, await asyncio.shield(entry.value))
        self._held.append(key)
        entry.leases += 1
        try:
            return cast(T, await asyncio.shield(entry.value))
        except BaseException:
            self._held.remove(key)
            entry.leases -= 1
            raise

    async def release(self) -> None:
        """Give everything back, the last taken first."""
        while self._held:
            key = self._held.pop()
            entry = self._entries[key]
            entry.leases -= 1
            if entry.leases == 0:
                del self._entries[key]
                await _close(entry.value.result())


async def _close(value: Any) -> None:
    close = getattr(value, "aclose", None) or getattr(value, "close", None)
    if close is not None:
        pending = close()
        if inspect.isawaitable(pending):
            await pending
