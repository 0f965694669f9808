"""Show how things stand, as long as they are there."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TypeVar

from apim_sdk import Context

__all__ = ["show"]

T = TypeVar("T")


def show(context: Context, name: str, description: str, thing: T, read: Callable[[T], float]) -> None:
    """A gauge, labelled with the place of the step, that reads a thing and does not keep it alive."""
    reference = weakref.ref(thing)

    def value() -> float | None:
        there = reference()
        return None if there is None else read(there)

    context.metrics.gauge(name, description, value, {"place": context.place})
