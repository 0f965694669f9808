"""Background tasks that end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from apim_sdk.context import Logger

__all__ = ["Tasks"]


class Tasks:
    """The tasks that plugins let run.

    It does not know the snapshot, as nothing may that a snapshot holds: then a replaced one is freed as soon as it is
    let go, and the garbage collector need not go through a large configuration to find it.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run ``work`` until ``stop``. If it raises, that is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """Cancel what still runs, and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a background task failed", task=task.get_name(), error=repr(error))
