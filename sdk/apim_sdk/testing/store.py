"""A store in memory, under the control of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from apim_sdk.stores import Batch, Change, Store

__all__ = ["FakeStore"]


class FakeStore(Store):
    """A store of one process. ``now`` gives its time in seconds; ``away`` makes every call raise ConnectionError."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.away = False
        self._now = now
        self._values: dict[str, tuple[bytes, float | None]] = {}
        self._followers: list[tuple[str, asyncio.Queue[Change]]] = []

    async def get(self, key: str) -> bytes | None:
        """The value, if it is there and has not expired."""
        self._check()
        return self._get(key)

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        """Keep a value."""
        self._check()
        self._put(key, value, expires_in)

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        """Keep a value where there is none."""
        self._check()
        if self._get(key) is not None:
            return False
        self._put(key, value, expires_in)
        return True

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        """Keep ``new`` where ``old`` is."""
        self._check()
        if self._get(key) != old:
            return False
        self._put(key, new, expires_in)
        return True

    async def take(self, key: str) -> bytes | None:
        """Remove a value and answer it."""
        self._check()
        value = self._get(key)
        await self.delete(key)
        return value

    async def delete(self, key: str) -> None:
        """Forget a value."""
        self._check()
        if self._values.pop(key, None) is not None:
            self._tell(Change(key, None))

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        """What is there under a prefix."""
        self._check()
        for key in [key for key in self._values if key.startswith(prefix)]:
            value = self._get(key)
            if value is not None:
                yield key, value

    async def follow(self, prefix: str) -> AsyncIterator[Batch]:
        """What is there in one batch, and then each change in one of its own."""
        self._check()
        queue: asyncio.Queue[Change] = asyncio.Queue()
        follower = (prefix, queue)
        self._followers.append(follower)
        try:
            yield Batch(tuple([Change(key, value) async for key, value in self.scan(prefix)]), first=True)
            while True:
                yield Batch((await queue.get(),))
        finally:
            self._followers.remove(follower)

    def _check(self) -> None:
        if self.away:
            raise ConnectionError("the store is away")

    def _get(self, key: str) -> bytes | None:
        value, until = self._values.get(key, (None, None))
        return None if until is not None and until <= self._now() else value

    def _put(self, key: str, value: bytes, expires_in: float | None) -> None:
        self._values[key] = (value, None if expires_in is None else self._now() + expires_in)
        self._tell(Change(key, value))

    def _tell(self, change: Change) -> None:
        for prefix, queue in self._followers:
            if change.key.startswith(prefix):
                queue.put_nowait(change)
