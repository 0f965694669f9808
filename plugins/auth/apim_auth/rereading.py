"""What is read from files, and read again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from apim_sdk import Logger

__all__ = ["Rereading"]

Value = TypeVar("Value")
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether a file has changed."""


class Rereading(Generic[Value]):
    """``value`` is what ``read`` made of the files the last time that it could. ``generation`` counts changes."""

    def __init__(self, files: Sequence[Path], read: Callable[[], Value], value: Value) -> None:
        self.value = value
        self.generation = 0
        self._files = files
        self._read = read
        self._seen: object = None

    async def refresh(self) -> None:
        """Read the files if they have changed. Raises OSError or ValueError, as ``read`` does; nothing changes then."""
        seen = await asyncio.to_thread(self._look)
        if seen == self._seen:
            return
        value = await asyncio.to_thread(self._read)
        self.value, self._seen = value, seen
        self.generation += 1

    async def keep_fresh(self, log: Logger) -> None:
        """Read the files again whenever they have changed. What is wrong with them is told once."""
        said = ""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.refresh()
                said = ""
            except (OSError, ValueError) as error:
                if said != str(error):
                    said = str(error)
                    log.error("A file that has changed cannot be used; what it held before stays", error=said)  # noqa: TRY400  # what is wrong is in the file, not here

    def _look(self) -> object:
        """What changes when a file is written or replaced."""
        states = [file.stat() for file in self._files]
        return [(state.st_mtime_ns, state.st_size, state.st_ino) for state in states]
