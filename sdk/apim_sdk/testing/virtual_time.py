"""An event loop whose time moves only when nothing is left to do: an hour of waiting takes no time, and no luck."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

__all__ = ["EPOCH", "LoopClock", "run_in_virtual_time"]

EPOCH: Final = 1_768_000_000.0
"""Seconds since the epoch at which virtual time begins: 9 January 2026, 23:06:40 UTC."""

Result = TypeVar("Result")


class _Selector(selectors.DefaultSelector):  # the best one of the platform
    """Instead of waiting it moves the time on."""

    time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.time += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._moving = _Selector()
        super().__init__(self._moving)

    def time(self) -> float:
        return self._moving.time


class LoopClock:
    """``Clock`` by the time of the running loop."""

    def now(self) -> float:
        return EPOCH + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run_in_virtual_time(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine answers that waits for nothing but time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)
