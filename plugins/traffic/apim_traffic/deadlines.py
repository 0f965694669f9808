"""Time-outs for many calls of the same length, with one timer for all.

A timer for each call would cost more than all else that is done for it. Since every call may take equally long, those
that began first are due first: they stand in a row, and the timer is set for the one in front.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

__all__ = ["Deadlines", "Late"]

T = TypeVar("T")


class Late(Exception):
    """The work took too long, and has been cancelled."""


class Deadlines:
    """Cancels what takes longer than ``seconds``. Belongs to the loop on which it is made; a task has one piece of work
    at a time here.
    """

    __slots__ = ("_late", "_loop", "_time", "_timer", "_working", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._working: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._working)

    async def within(self, work: Awaitable[T]) -> T:
        """The outcome of the work. Raises Late."""
        task = asyncio.current_task(self._loop)
        assert task is not None
        cancelling = task.cancelling()
        self._working[task] = due = self._time() + self.seconds
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._ring)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._late:
                self._late.remove(task)
                if task.uncancel() <= cancelling:  # else somebody else has cancelled it too
                    raise Late from None
            raise
        finally:
            del self._working[task]
            if task in self._late:  # it ended some other way at the same time
                self._late.remove(task)
                task.uncancel()

    def _ring(self) -> None:
        """Cancel what is due, and set the timer for what is due next."""
        now = self._time()
        self._timer = None
        for task, due in self._working.items():
            if task in self._late:
                continue
            if due > now:
                self._timer = self._loop.call_at(due, self._ring)
                return
            self._late.add(task)
            task.cancel()
