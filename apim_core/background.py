"""Long work in a thread, beside an event loop that goes on serving."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["in_background"]

P = ParamSpec("P")
T = TypeVar("T")

_TURN = 0.0005
"""Seconds after which a thread that works gives way to the event loop; Python's own is ten times as long, and a request
waits for it each time that the loop comes back from the network."""


async def in_background(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """What ``work`` answers; it runs in a thread, in short turns."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _TURN))
    try:
        return await asyncio.to_thread(work, *arguments, **options)
    finally:
        sys.setswitchinterval(before)
