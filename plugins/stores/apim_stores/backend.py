"""A store whose values are elsewhere: in a file, on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from apim_sdk import Batch, Logger, Store

from apim_stores.following import ChangeLog, Position, follow_on, scan

__all__ = ["BackedStore", "Backend"]


class Backend(ChangeLog[Position]):
    """Where the values are; shared by the stores of all snapshots of a process. What `Store` says holds for each."""

    async def get(self, key: str) -> bytes | None:
        """The value that has not expired."""
        raise NotImplementedError

    async def put(self, key: str, value: bytes, expires_in: float | None) -> None:
        """Keep a value."""
        raise NotImplementedError

    async def add(self, key: str, value: bytes, expires_in: float | None) -> bool:
        """Keep a value where there is none."""
        raise NotImplementedError

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None) -> bool:
        """Keep ``new`` where ``old`` is."""
        raise NotImplementedError

    async def take(self, key: str) -> bytes | None:
        """Remove a value and answer it."""
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        """Forget a value."""
        raise NotImplementedError


class BackedStore(Store):
    """A store that hands everything on. A subclass declares these two as ``state()``, and holds them in ``start``."""

    _backend: Backend[Any]
    _log: Logger

    async def get(self, key: str) -> bytes | None:
        return await self._backend.get(key)

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        await self._backend.put(key, value, expires_in)

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        return await self._backend.add(key, value, expires_in)

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        return await self._backend.replace(key, old, new, expires_in)

    async def take(self, key: str) -> bytes | None:
        return await self._backend.take(key)

    async def delete(self, key: str) -> None:
        await self._backend.delete(key)

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        return scan(self._backend, prefix)

    def follow(self, prefix: str) -> AsyncIterator[Batch]:
        return follow_on(lambda: self._backend.follow(prefix), self._log)
