"""The server's entries in its store: JSON objects under ``<namespace>/<kind>/<name>``.

An entry is always written in one way (sorted members, no spaces), so that comparing and swapping compares content.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from apim_sdk import Store

__all__ = ["Record", "Records"]

Record = Mapping[str, Any]
"""One entry, as JSON has it."""


class Records:
    """Entries by kind and name. Every method raises OSError where the store is away."""

    def __init__(self, store: Store, namespace: str) -> None:
        self.store = store
        self.namespace = namespace

    def key(self, kind: str, name: str = "") -> str:
        """The key of an entry in the store; of all of a kind without a name."""
        return f"{self.namespace}/{kind}/{quote(name, safe='@+')}"

    def name(self, kind: str, key: str) -> str:
        """The name of an entry, by its key."""
        return unquote(key[len(self.key(kind)) :])

    async def get(self, kind: str, name: str) -> Record | None:
        """The entry, None if there is none or it has expired."""
        value = await self.store.get(self.key(kind, name))
        return None if value is None else decode(value)

    async def put(self, kind: str, name: str, record: Record, expires_in: float | None = None) -> None:
        """Keep an entry, for ``expires_in`` seconds if given."""
        await self.store.put(self.key(kind, name), encode(record), expires_in)

    async def add(self, kind: str, name: str, record: Record, expires_in: float | None = None) -> bool:
        """Keep an entry where there is none; whether it was so."""
        return await self.store.add(self.key(kind, name), encode(record), expires_in)

    async def change(self, kind: str, name: str, old: Record, new: Record, expires_in: float | None = None) -> bool:
        """Put ``new`` in the place of ``old``; False where something else has taken it. Of several callers one wins."""
        return await self.store.replace(self.key(kind, name), encode(old), encode(new), expires_in)

    async def take(self, kind: str, name: str) -> Record | None:
        """Remove the entry and answer it. Of several callers one gets it."""
        value = await self.store.take(self.key(kind, name))
        return None if value is None else decode(value)

    async def delete(self, kind: str, name: str) -> None:
        """Forget an entry."""
        await self.store.delete(self.key(kind, name))

    async def delete_all(self, kind: str, beginning: str) -> None:
        """Forget the entries of a kind whose names begin so."""
        keys = [key async for key, _ in self.store.scan(self.key(kind, beginning))]
        for key in keys:
            await self.store.delete(key)

    async def all(self, kind: str) -> AsyncIterator[tuple[str, Record]]:
        """Every entry of a kind with its name."""
        async for key, value in self.store.scan(self.key(kind)):
            yield self.name(kind, key), decode(value)


def encode(record: Record) -> bytes:
    """An entry as it is kept."""
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode()


def decode(value: bytes) -> Record:
    """An entry, read. Raises ValueError if it is no JSON object."""
    record = json.loads(value)
    if not isinstance(record, dict):
        raise ValueError("an entry of the authorization server is no JSON object")  # noqa: TRY004  # of data
    return record
