"""Say in the log that something goes on, but not each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apim_sdk import Logger

__all__ = ["Seldom"]

_EVERY: Final = 30.0
"""Seconds between two lines."""


class Seldom:
    """A line of the log that is written when it is due, with how often there was reason for it since the last one."""

    __slots__ = ("_count", "_event", "_log", "_next", "_now")

    def __init__(self, log: Logger, now: Callable[[], float], event: str) -> None:
        self._log = log
        self._now = now
        self._event = event
        self._next = 0.0
        self._count = 0

    def tell(self, **facts: Any) -> None:
        """There is reason for the line."""
        self._count += 1
        now = self._now()
        if now >= self._next:
            self._log.warning(self._event, times=self._count, **facts)
            self._next = now + _EVERY
            self._count = 0
