"""Keep state in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Batch, Context, Logger, Size, Store, state

from apim_stores.following import follow_on, scan
from apim_stores.table import Table

__all__ = ["Memory"]


@attrs.frozen
class Memory(Store):
    """Keeps values in the memory of one process, as long as it runs: for experiments, and for a single process.

    Other processes of the same gateway do not see them, so what is written through one worker is not known to the
    next; `sqlite` is for those. Values outlast a reload of the configuration. A write that finds the store full fails:
    nothing is forgotten to make room, since what is in a store may be what keeps somebody out.
    """

    example: ClassVar[Any] = {"max_size": "16MiB"}
    shared_by: ClassVar[Literal["process", "node", "network"]] = "process"

    max_entries: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    """The most values."""
    max_size: Size = attrs.field(default=Size("64MiB"), converter=Size)
    """The most bytes of keys and values."""
    _table: Table = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        # Under its place: stores of equal settings are different ones, and one whose bounds change keeps its values.
        table = await context.shared(("memory", context.place), lambda: Table(context.clock))
        table.bound(self.max_entries, self.max_size)
        self.hold(_table=table, _log=context.log)

    async def get(self, key: str) -> bytes | None:
        return self._table.get(key)

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        self._table.put(key, value, expires_in)

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        if self._table.get(key) is not None:
            return False
        self._table.put(key, value, expires_in)
        return True

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        if self._table.get(key) != old:
            return False
        self._table.put(key, new, expires_in)
        return True

    async def take(self, key: str) -> bytes | None:
        value = self._table.get(key)
        self._table.delete(key)
        return value

    async def delete(self, key: str) -> None:
        self._table.delete(key)

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        return scan(self._table, prefix)

    def follow(self, prefix: str) -> AsyncIterator[Batch]:
        return follow_on(lambda: self._table.follow(prefix), self._log)
