"""The syntax tree of a JSONPath, which all dialects have in common."""

from __future__ import annotations

from typing import Any

import attrs

from apim_governance.paths.expression import Expression

__all__ = [
    "Child",
    "Descend",
    "Filter",
    "Index",
    "KeyOf",
    "Name",
    "Parent",
    "Path",
    "PathSyntaxError",
    "Segment",
    "Selector",
    "Slice",
    "TypeOf",
    "Wildcard",
]


class PathSyntaxError(ValueError):
    """An expression that is no JSONPath of the dialect; ``position`` counts its characters from zero."""

    def __init__(self, expression: str, position: int, reason: str) -> None:
        super().__init__(f"{expression!r} is no JSONPath: {reason} at character {position + 1}")
        self.expression = expression
        self.position = position
        self.reason = reason


@attrs.frozen
class Name:
    """The member of that name."""

    name: str


@attrs.frozen
class Wildcard:
    """Every member of a mapping, every item of a list."""


@attrs.frozen
class Index:
    """The item of a list at that number, from its end where it is negative."""

    index: int


@attrs.frozen
class Slice:
    """Items of a list, as Python and RFC 9535 slice."""

    start: int | None
    stop: int | None
    step: int | None


@attrs.frozen
class Filter:
    """Members and items for which an expression holds."""

    expression: Expression


Selector = Name | Wildcard | Index | Slice | Filter


@attrs.frozen
class Child:
    """Children that one of the selectors takes."""

    selectors: tuple[Selector, ...]


@attrs.frozen
class Descend:
    """Descendants at any depth that one of the selectors takes."""

    selectors: tuple[Selector, ...]


@attrs.frozen
class Parent:
    """``^``: what holds the node."""


@attrs.frozen
class KeyOf:
    """``~``: the name of the node in its parent; its path stays that of the node."""


@attrs.frozen
class TypeOf:
    """``@string()`` and the like behind a path: the node, if it is of that type."""

    type: str


Segment = Child | Descend | Parent | KeyOf | TypeOf


@attrs.frozen
class Path:
    """A JSONPath from the root of a document."""

    segments: tuple[Segment, ...]
    text: str = attrs.field(default="", eq=False)

    @property
    def numbers_as_text(self) -> bool:
        """Whether Spectral writes the numbers of items as texts in paths that this finds.

        It does where nimma leaves an expression to its fallback: those that go on from a parent, and those that look at
        any depth more than once and at a certain depth after the first of these.
        """
        segments = self.segments
        parents = [index for index, segment in enumerate(segments) if isinstance(segment, Parent)]
        if parents and any(isinstance(segment, Child | Descend) for segment in segments[parents[0] :]):
            return True
        deep = [index for index, segment in enumerate(segments) if isinstance(segment, Descend)]
        return len(deep) > 1 and any(isinstance(segment, Child) for segment in segments[deep[0] :])


def plain(*parts: Any) -> Path:
    """A path of names and numbers."""
    segments = tuple(Child((Index(part) if isinstance(part, int) else Name(part),)) for part in parts)
    return Path(segments)
