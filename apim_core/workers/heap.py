"""The memory of a gateway that serves: the garbage collector beside it, and what the C library keeps.

A full collection goes through every object there is, and requests wait for it. So collection rests while a
configuration is built, and what the start has made, modules and all, is put out of the collector's sight for good
(``gc.freeze``). What later snapshots make stays in its sight, unless they are large. A snapshot that was replaced is
freed when the last reference to it goes; where that does not happen, because some plugin's objects refer to each
other, everything is searched once.

Nothing that a request leaves refers to itself, so the young are looked at when there are many, not at each 700th: some
forty requests at once have as many objects, all of which are still needed.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from apim_core.config.collecting import collection_paused

__all__ = ["Heap"]

_QUICKLY_SEARCHED = 100_000
"""Objects that a full collection goes through in about a hundredth of a second."""

_YOUNG = 10_000
"""Objects more than there were, at which the collector looks for some that only refer to each other."""

_LARGEST_BLOCK = 4 * 1024 * 1024


class Heap:
    """The heap of a process that builds one snapshot after another."""

    def __init__(self) -> None:
        self._replaced: list[weakref.ref[object]] = []
        self._started = False
        gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
        _keep_freed_memory()

    @contextmanager
    def building(self) -> Iterator[None]:
        """Let collection rest; what has been made at the end is taken to stay."""
        with collection_paused():
            try:
                yield
            finally:
                if not self._started or len(gc.get_objects()) > _QUICKLY_SEARCHED:
                    gc.freeze()
                self._started = True

    def replaced(self, snapshot: object) -> None:
        """A snapshot serves no longer, and should soon be freed."""
        self._replaced.append(weakref.ref(snapshot))

    def sweep(self) -> None:
        """Before the next is built: find replaced snapshots that nothing but themselves keeps alive."""
        self._replaced = [reference for reference in self._replaced if reference() is not None]
        if self._replaced:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._replaced.clear()


def _keep_freed_memory() -> None:
    """Have glibc keep what bodies leave behind instead of giving it back to the system at once.

    It gives back all beyond a threshold, which it sets to twice the largest block that it has mapped and unmapped by
    itself (mallopt(3), M_MMAP_THRESHOLD); without one that is 128 KiB, and every page faults in again for the next
    body. Elsewhere this does nothing.
    """
    bytes(_LARGEST_BLOCK)
