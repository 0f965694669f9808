"""Where in a text a JSON Pointer points: found by reading the text again, only when somebody asks.

Reading a document for its data keeps no positions, so that a large configuration starts quickly and stays small.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import attrs
import yaml

from apim_core.config import pointers
from apim_core.config.events import LOADER

__all__ = ["Position", "find"]


@attrs.frozen
class Position:
    """Line and column, both from 1, of a value and, when it stands in a mapping, of its key."""

    value: tuple[int, int]
    key: tuple[int, int] | None = None

    @property
    def start(self) -> tuple[int, int]:
        """The key where there is one, else the value."""
        return self.key or self.value


def find(content: bytes, wanted: Iterable[str]) -> dict[str, Position]:
    """The position of each wanted pointer; one that is not there gets that of the nearest place that holds it.

    What stands behind an alias gets the position of the alias. A text that is not YAML gives what comes before its
    first error; a pointer for which nothing is found is left out.
    """
    wanted = list(wanted)
    ways = {way for pointer in wanted for way in _ways(pointer)}
    found: dict[str, Position] = {}
    with suppress(yaml.YAMLError, UnicodeDecodeError):  # the part before the error is all that can be found
        _walk(content.decode("utf-8-sig"), ways, found)
    return {
        pointer: found[nearest]
        for pointer in wanted
        if (nearest := next((way for way in _ways(pointer) if way in found), None)) is not None
    }


def _ways(pointer: str) -> Iterable[str]:
    """The pointer and all that hold it, the nearest first."""
    yield pointer
    while pointer:
        pointer = pointers.parent(pointer)
        yield pointer


class _Open:
    """A mapping or a list that is being read. ``pointer`` is None where nothing inside is wanted."""

    __slots__ = ("count", "is_mapping", "key", "pointer")

    def __init__(self, pointer: str | None, is_mapping: bool) -> None:
        self.pointer = pointer
        self.is_mapping = is_mapping
        self.count = 0
        self.key: tuple[str, Any] | None = None


def _walk(text: str, ways: set[str], found: dict[str, Position]) -> None:
    loader = LOADER(text)
    path: list[_Open] = []
    try:
        while (event := loader.get_event()) is not None:
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                path.pop()
            elif isinstance(event, yaml.NodeEvent):
                pointer = _arrive(event, path, ways, found)
                if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    path.append(_Open(pointer, isinstance(event, yaml.MappingStartEvent)))
    finally:
        loader.dispose()


def _arrive(event: Any, path: list[_Open], ways: set[str], found: dict[str, Position]) -> str | None:
    """Note a node, if it is wanted; its pointer when something inside it may be."""
    mark = event.start_mark
    here = (mark.line + 1, mark.column + 1)
    if not path:
        found.setdefault("", Position(here))
        return ""
    inside = path[-1]
    key = None
    segment: str | int
    if inside.is_mapping:
        if inside.key is None:
            inside.key = (getattr(event, "value", ""), here)
            return None
        segment, key = inside.key
        inside.key = None
    else:
        segment = inside.count
        inside.count += 1
    if inside.pointer is None:
        return None
    pointer = pointers.child(inside.pointer, segment)
    if pointer not in ways:
        return None
    found.setdefault(pointer, Position(here, key))
    return pointer
