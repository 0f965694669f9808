"""Checks of a plugin's life: it starts, stops, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

from apim_sdk.testing.conformance.subject import Subject, require
from apim_sdk.testing.context import started

__all__ = ["CHECKS"]

_DESCRIPTORS = Path("/proc/self/fd")
_TURNS = 10


def starting_and_stopping_twice_leaves_nothing_open(subject: Subject) -> None:
    asyncio.run(_start_and_stop_twice(subject))


CHECKS = (starting_and_stopping_twice_leaves_nothing_open,)


async def _start_and_stop_twice(subject: Subject) -> None:
    tasks, threads, files = asyncio.all_tasks(), set(threading.enumerate()), _open_files()
    for _ in range(2):
        async with started(subject.build(), subject.context()):
            pass
    for _ in range(_TURNS):
        await asyncio.sleep(0)  # a transport that is closed, a task that is cancelled, end in the loop's next turns
    gc.collect()
    left = [repr(task) for task in asyncio.all_tasks() - tasks]
    left += [repr(thread) for thread in set(threading.enumerate()) - threads if not thread.name.startswith("asyncio_")]
    left += sorted(_open_files() - files)
    require(not left, f"{subject} leaves open after stop(): {'; '.join(left)}")


def _open_files() -> set[str]:
    """Descriptors of this process with what they lead to; empty where the system does not show them."""
    if not _DESCRIPTORS.is_dir():
        return set()
    found = set()
    for entry in os.listdir(_DESCRIPTORS):
        try:
            found.add(f"descriptor {entry} -> {os.readlink(_DESCRIPTORS / entry)}")
        except FileNotFoundError:
            continue  # the descriptor by which the folder itself was read
    return found
