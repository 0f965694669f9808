"""The garbage collector beside a large configuration.

A full collection goes through every object of the configuration, and requests wait for it. So collection rests while a
configuration is built, and what was built is then put out of the collector's sight (``gc.freeze``). A snapshot that
was replaced is freed when the last reference to it goes; a full collection is only due where that did not happen,
because some plugin's objects refer to each other, or where the heap is so small that it does no harm.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from apim_core.config.collecting import collection_paused

__all__ = ["Heap"]

_QUICKLY_SEARCHED = 300_000
"""Objects that a full collection goes through in a few hundredths of a second."""


class Heap:
    """The heap of a process that builds one snapshot after another."""

    def __init__(self) -> None:
        self._replaced: list[weakref.ref[object]] = []

    @contextmanager
    def building(self) -> Iterator[None]:
        """Let collection rest; what has been made at the end is taken to stay."""
        with collection_paused():
            try:
                yield
            finally:
                gc.freeze()

    def replaced(self, snapshot: object) -> None:
        """A snapshot serves no longer, and should soon be freed."""
        self._replaced.append(weakref.ref(snapshot))

    def sweep(self) -> None:
        """Before the next is built: find what replaced snapshots left behind, where that is due."""
        self._replaced = [reference for reference in self._replaced if reference() is not None]
        if self._replaced or gc.get_freeze_count() <= _QUICKLY_SEARCHED:
            gc.unfreeze()
            gc.collect()
