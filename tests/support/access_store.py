"""A store for access that a test holds in its hand: every instance of the plugin is a door to the same one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar

import attrs
from apim_sdk import Batch, Context, Store
from apim_sdk.testing import FakeStore

__all__ = ["HeldStore"]


@attrs.frozen
class HeldStore(Store):
    """Stands before the store that the test holds, by its name."""

    shared_by = "node"
    held: ClassVar[dict[str, FakeStore]] = {}
    cuts: ClassVar[dict[str, asyncio.Event]] = {}

    name: str = "held"
    """Which one."""
    unfit: bool = False
    """Whether it refuses to start."""

    @classmethod
    def new(cls, name: str = "held") -> FakeStore:
        """An empty store, in place of the one of that name."""
        cls.held[name] = FakeStore(time.time)
        cls.cuts.pop(name, None)
        return cls.held[name]

    async def start(self, context: Context) -> None:
        if self.unfit:
            raise ValueError("it is unfit")

    @property
    def _store(self) -> FakeStore:
        return self.held[self.name]

    async def get(self, key: str) -> bytes | None:
        return await self._store.get(key)

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        await self._store.put(key, value, expires_in)

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        return await self._store.add(key, value, expires_in)

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        return await self._store.replace(key, old, new, expires_in)

    async def take(self, key: str) -> bytes | None:
        return await self._store.take(key)

    async def delete(self, key: str) -> None:
        await self._store.delete(key)

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        return self._store.scan(prefix)

    async def follow(self, prefix: str) -> AsyncIterator[Batch]:
        """What the held store tells, until ``cut`` is set: then the connection is lost."""
        lost = asyncio.ensure_future(self.cuts.setdefault(self.name, asyncio.Event()).wait())
        async with aclosing(self._store.follow(prefix)) as batches:
            try:
                while True:
                    batch = asyncio.ensure_future(anext(batches))
                    try:
                        await asyncio.wait((batch, lost), return_when=asyncio.FIRST_COMPLETED)
                        if lost.done():
                            raise ConnectionError("the connection to the store is lost")
                    finally:
                        if not batch.done():
                            batch.cancel()
                            await asyncio.gather(batch, return_exceptions=True)
                    yield batch.result()
            finally:
                lost.cancel()


def entry(**members: Any) -> bytes:
    """A value of the store."""
    return json.dumps(members).encode()
