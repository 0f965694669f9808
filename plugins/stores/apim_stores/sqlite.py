"""Keep state in a file that the processes of one machine share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Context, Duration, Logger, state

from apim_stores.backend import BackedStore, Backend
from apim_stores.sqlite_file import SQLiteFile

__all__ = ["SQLite"]


@attrs.frozen
class SQLite(BackedStore):
    """Keeps values in an SQLite file, for all processes of one machine; they last over restarts.

    A change is seen by the same process at once, by others within about a tenth of a second. The file is made with
    mode 0600 if it is missing; two more stand beside it (`-wal`, `-shm`) while it is open. It must not be on a
    network file system.
    """

    example: ClassVar[Any] = {"path": "apim.db"}
    shared_by: ClassVar[Literal["process", "node", "network"]] = "node"

    path: Path
    """The file, made if it is missing."""
    durable: bool = True
    """Whether a write is on the disk when it is done. Off, writes are faster and survive the end of a process, but the
    last ones may be lost in a power cut."""
    busy_timeout: Duration = attrs.field(default=Duration("5s"), converter=Duration)
    """How long a write waits for those of other processes."""
    changes: int = attrs.field(default=100_000, validator=attrs.validators.ge(100))
    """How many changes the file remembers for those who follow; one that fell behind further reads all anew."""
    _backend: Backend[Any] = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        file = SQLiteFile(self.path, context.clock, self.busy_timeout, self.durable, self.changes)
        self.hold(_backend=await context.shared(("sqlite", self), file.open), _log=context.log)
