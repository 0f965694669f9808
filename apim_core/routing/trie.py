"""The tree of contexts and templates behind one host pattern: a level for each segment.

A node that ends a context is an *owner*: whatever path comes to it by literals is decided below it. The ways to longer
contexts lie in the same tree, as literals; a path that leaves such a way before its owner is decided above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeAlias, TypeVar

from apim_core.routing.template import PARAMETER, Partial, Segment, Template

__all__ = ["Leaf", "Node", "Reached", "insert", "leaves", "owner_of", "split_partial"]

T = TypeVar("T")

Leaf: TypeAlias = dict[str, tuple[T, tuple[str, ...]]]
"""For each method the target, and the names of the parameters of its template."""

Reached: TypeAlias = tuple[Leaf[T], tuple[str, ...]]
"""A leaf and the values of the parameters on the way to it, still percent-encoded."""


class Node(Generic[T]):
    """What may follow a path so far. Filled while the router is built, never changed afterwards."""

    __slots__ = ("is_owner", "leaf", "literals", "parameter", "partials", "rest")

    def __init__(self) -> None:
        self.is_owner = False
        self.literals: dict[str, Node[T]] | None = None
        self.partials: tuple[tuple[Partial, Node[T]], ...] = ()
        self.parameter: Node[T] | None = None
        self.rest: Leaf[T] | None = None
        self.leaf: Leaf[T] | None = None

    def child(self, segment: Segment) -> Node[T]:
        """The node behind a segment of a template, made if it is not there."""
        if segment is PARAMETER:
            if self.parameter is None:
                self.parameter = Node()
            return self.parameter
        if isinstance(segment, str):
            if self.literals is None:
                self.literals = {}
            known = self.literals.get(segment)
            return known if known is not None else self.literals.setdefault(segment, Node())
        for literals, node in self.partials:
            if literals == segment:
                return node
        branch: tuple[Partial, Node[T]] = (segment, Node())
        self.partials = tuple(sorted((*self.partials, branch), key=_more_literal_first))
        return branch[1]


def _more_literal_first(branch: tuple[Partial, Node[T]]) -> tuple[int, int, Partial]:
    literals = branch[0]
    return -sum(map(len, literals)), len(literals), literals


def insert(context: Node[T], template: Template, method: str, target: T) -> None:
    """Put an operation below the owner of its context; the caller has made sure that it is not there yet."""
    node = context
    for segment in template.segments:
        node = node.child(segment)
    if template.rest:
        leaf = node.rest = {} if node.rest is None else node.rest
    else:
        leaf = node.leaf = {} if node.leaf is None else node.leaf
    leaf[method] = (target, template.names)


def owner_of(root: Node[T], segments: list[str]) -> tuple[Node[T] | None, int]:
    """The owner of the longest context that a path begins with, and the index of the segment behind it."""
    node = root
    owner, after = (root, 0) if root.is_owner else (None, 0)
    for depth, segment in enumerate(segments, 1):
        if node.literals is None or (child := node.literals.get(segment)) is None:
            break
        node = child
        if node.is_owner:
            owner, after = node, depth
    return owner, after


def leaves(node: Node[T], segments: list[str], index: int, values: tuple[str, ...]) -> Iterator[Reached[T]]:
    """Every leaf below an owner that the path reaches, the most specific first.

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
    if node.parameter is not None:
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
