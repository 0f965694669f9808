"""The event loop: uvloop where there is one, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

__all__ = ["has_uvloop", "run"]

T = TypeVar("T")


def has_uvloop() -> bool:
    """Whether uvloop is installed."""
    return find_spec("uvloop") is not None


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the best loop there is."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not has_uvloop():
        return None
    import uvloop

    return uvloop.new_event_loop
