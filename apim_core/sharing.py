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
    """A value, or one that is being opened. ``users`` are the leases that hold it and the tasks that wait for it."""

    def __init__(self) -> None:
        self.value: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.users = 0


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
        self._held: dict[Hashable, None] = {}  # in the order of taking

    async def take(self, key: Hashable, open_: Callable[[], T | Awaitable[T]]) -> T:
        """The value of ``key``; ``open_`` makes it if nobody has. An opening that fails is forgotten, and raises."""
        while (entry := self._entries.get(key)) is not None:
            entry.users += 1  # nobody may close it before it is handed over
            try:
                value = cast(T, await asyncio.shield(entry.value))
            except asyncio.CancelledError:
                if not entry.value.cancelled():
                    raise
                # Who was opening it has been cancelled, so the first of those who wait opens it.
            else:
                self._hold(key, entry)
                return value
            finally:
                await self._leave(key, entry)
        return await self._open(key, open_)

    async def _open(self, key: Hashable, open_: Callable[[], T | Awaitable[T]]) -> T:
        entry = self._entries[key] = _Entry()
        try:
            opened = open_()
            value = cast(T, await opened if inspect.isawaitable(opened) else opened)
        except BaseException as error:
            del self._entries[key]
            if isinstance(error, asyncio.CancelledError):
                entry.value.cancel()
            else:
                entry.value.set_exception(error)
                entry.value.exception()  # whoever else waits gets it; without them it would be reported as lost
            raise
        entry.value.set_result(value)
        self._hold(key, entry)
        return value

    def _hold(self, key: Hashable, entry: _Entry) -> None:
        if key not in self._held:
            self._held[key] = None
            entry.users += 1

    async def _leave(self, key: Hashable, entry: _Entry) -> None:
        entry.users -= 1
        if not entry.users and entry.value.done() and self._entries.get(key) is entry:
            del self._entries[key]
            await _close(entry.value.result())

    async def release(self) -> list[Exception]:
        """Give everything back, the last taken first. Answers what failed to close; it is given back all the same."""
        failures: list[Exception] = []
        while self._held:
            key, _ = self._held.popitem()
            try:
                await self._leave(key, self._entries[key])
            except Exception as error:
                failures.append(error)
        return failures


async def _close(value: Any) -> None:
    close = getattr(value, "aclose", None) or getattr(value, "close", None)
    if close is not None:
        pending = close()
        if inspect.isawaitable(pending):
            await pending
