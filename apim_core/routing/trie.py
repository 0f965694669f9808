"""The tree of the templates of one place: a level for each segment, cheapest and most specific branch first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeAlias, TypeVar

from apim_core.routing.template import PARAMETER, Partial, Template

__all__ = ["Leaf", "Node", "Reached", "insert", "leaves", "split_partial"]

T = TypeVar("T")

Leaf: TypeAlias = dict[str, tuple[T, tuple[str, ...]]]
"""For each method the target, and the names of the parameters of its template."""

Reached: TypeAlias = tuple[Leaf[T], tuple[str, ...]]
"""A leaf and the values of the parameters on the way to it, still percent-encoded."""


class Node(Generic[T]):
    """What may follow a path so far. Filled while the router is built, never changed afterwards."""

    __slots__ = ("leaf", "literals", "parameter", "partials", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, Node[T]] | None = None
        self.partials: tuple[tuple[Partial, Node[T]], ...] = ()
        self.parameter: Node[T] | None = None
        self.rest: Leaf[T] | None = None
        self.leaf: Leaf[T] | None = None


def insert(root: Node[T], template: Template, method: str, target: T) -> None:
    """Put an operation in; the caller has made sure that it is not there yet."""
    node = root
    for segment in template.segments:
        if segment is PARAMETER:
            if node.parameter is None:
                node.parameter = Node()
            node = node.parameter
        elif isinstance(segment, tuple):
            node = _partial(node, segment)
        else:
            if node.literals is None:
                node.literals = {}
            node = node.literals.get(segment) or node.literals.setdefault(segment, Node())
    if template.rest:
        leaf = node.rest = {} if node.rest is None else node.rest
    else:
        leaf = node.leaf = {} if node.leaf is None else node.leaf
    leaf[method] = (target, template.names)


def _partial(node: Node[T], literals: Partial) -> Node[T]:
    for known, child in node.partials:
        if known == literals:
            return child
    child = Node()
    node.partials = tuple(sorted((*node.partials, (literals, child)), key=_more_literal_first))
    return child


def _more_literal_first(branch: tuple[Partial, Node[T]]) -> tuple[int, int, Partial]:
    literals = branch[0]
    return -sum(map(len, literals)), len(literals), literals


def leaves(node: Node[T], segments: list[str], index: int, values: tuple[str, ...]) -> Iterator[Reached[T]]:
    """Every leaf that the path reaches and the values of the parameters, the most specific first.

    Each node is visited once at most, as the way to it fixes the number of segments behind it.
    """
    if index == len(segments):
        if node.leaf is not None:
            yield node.leaf, values
        if node.rest is not None:
            yield node.rest, (*values, "")
        return
    segment = segments[index]
    if node.literals is not None and (child := node.literals.get(segment)) is not None:
        yield from leaves(child, segments, index + 1, values)
    for literals, child in node.partials:
        found = split_partial(literals, segment)
        if found is not None:
            yield from leaves(child, segments, index + 1, values + found)
    if node.parameter is not None and segment:
        yield from leaves(node.parameter, segments, index + 1, (*values, segment))
    if node.rest is not None:
        yield node.rest, (*values, "/".join(segments[index:]))


def split_partial(literals: Partial, segment: str) -> tuple[str, ...] | None:
    """The values between ``literals``, none of them empty, each as short as can be from the left; None without match.

    Linear in the length of the segment, where a regular expression with several groups would not be.
    """
    first, last = literals[0], literals[-1]
    if not segment.startswith(first) or not segment.endswith(last):
        return None
    position, end = len(first), len(segment) - len(last)
    values: list[str] = []
    for literal in literals[1:-1]:
        found = segment.find(literal, position + 1, end)
        if found < 0:
            return None
        values.append(segment[position:found])
        position = found + len(literal)
    if position >= end:
        return None
    values.append(segment[position:end])
    return tuple(values)
