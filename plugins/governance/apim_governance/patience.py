"""How long regular expressions may search: each search a second, and those of one document ten seconds together.

A document can bring any number of expressions, and a rule can meet any number of texts; so what is spent is counted
over all of them. When nothing is left, a search still has a millisecond, which ordinary ones do not need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Final, TypeVar

import attrs

__all__ = ["Patience", "patience", "searched", "waive"]

SEARCH: Final = 1.0
"""Seconds of one search."""
TOGETHER: Final = 10.0
"""Seconds of all searches for a document."""
_LEAST: Final = 0.001

Found = TypeVar("Found")


@attrs.define
class Patience:
    """What is left for a document; ``unanswered`` is how many searches ended in no answer that anybody was told of."""

    left: float = TOGETHER
    unanswered: int = 0


_CURRENT: Final[ContextVar[Patience | None]] = ContextVar("patience", default=None)


@contextmanager
def patience() -> Iterator[Patience]:
    """All searches within count together."""
    mine = Patience()
    token = _CURRENT.set(mine)
    try:
        yield mine
    finally:
        _CURRENT.reset(token)


def searched(search: Callable[..., Found], text: str) -> Found:
    """What a method of a compiled expression, such as its ``search``, answers to a text. Raises TimeoutError."""
    current = _CURRENT.get()
    if current is None:
        return search(text, timeout=SEARCH)
    began = perf_counter()
    try:
        return search(text, timeout=max(min(SEARCH, current.left), _LEAST))
    finally:
        current.left -= perf_counter() - began


def waive() -> None:
    """Note that a search was given up, where nothing else can tell of it."""
    current = _CURRENT.get()
    if current is not None:
        current.unanswered += 1
