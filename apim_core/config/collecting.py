"""Keep the garbage collector still while very many objects that all stay are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collection_paused"]


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause cyclic garbage collection, which would go through everything made so far again and again.

    Measured on 10,000 APIs of five operations: reading them takes 2.0 s of CPU instead of 2.9 s.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
