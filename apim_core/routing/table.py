"""All operations behind one host pattern: a dictionary of plain paths, and a tree of templates for each context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from apim_core.routing.route import Match, NotAllowed
from apim_core.routing.template import Template
from apim_core.routing.trie import Node, Reached, insert, leaves

__all__ = ["Table"]

T = TypeVar("T")

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_HERE = ""
"""Key under which a context ends; no segment is empty."""


class Table(Generic[T]):
    """The operations behind one host pattern. Filled while the router is built, never changed afterwards."""

    __slots__ = ("_contexts", "static")

    def __init__(self) -> None:
        self.static: dict[str, dict[str, Match[T]]] = {}
        """Operations without parameters, by full path without a last slash, then by method."""
        self._contexts: dict[str, Any] = {}
        """A dictionary for each segment; under _HERE the tree of the context that ends there."""

    def add_context(self, context: tuple[str, ...]) -> None:
        """Make the context own what stands under it."""
        level = self._contexts
        for segment in context:
            level = level.setdefault(segment, {})
        if _HERE not in level:
            level[_HERE] = Node()

    def is_fenced_off(self, context: tuple[str, ...], template: Template) -> bool:
        """Whether all that the template matches belongs to a longer context than its own."""
        level = self._level(context)
        for segment in template.segments:
            if not isinstance(segment, str) or segment not in level:
                return False
            level = level[segment]
            if _HERE in level:
                return True
        return False

    def add(self, context: tuple[str, ...], template: Template, method: str, target: T) -> None:
        """Put an operation in that is not there yet and not fenced off. All contexts must have been added before."""
        if template.is_static:
            path = "/" + "/".join((*context, *(segment for segment in template.segments if isinstance(segment, str))))
            self.static.setdefault(path, {})[method] = (target, _NO_PARAMETERS)
        else:
            insert(self._level(context)[_HERE], template, method, target)

    def _level(self, context: tuple[str, ...]) -> dict[str, Any]:
        level = self._contexts
        for segment in context:
            level = level[segment]
        return level

    def match(self, method: str, path: str) -> Match[T] | NotAllowed[T] | None:
        """The operation for a canonical path; None if there is none, whether a context owns the path or not."""
        plain = path[:-1] if path[-1:] == "/" and path != "/" else path
        static = self.static.get(plain)
        if static is not None and (found := _choose(static, method)) is not None:
            return found
        segments = _split(plain)
        node, index = self._owner(segments)
        if node is None:
            return None
        values: list[str] = []
        # The first branch that fits nearly always leads to the operation; where it does not, all are searched.
        for segment in segments[index:]:
            if node.literals is not None and (child := node.literals.get(segment)) is not None:
                node = child
            elif node.parameter is not None and not node.partials:
                values.append(segment)
                node = node.parameter
            else:
                break
        else:
            if node.leaf is not None and (entry := _choose(node.leaf, method)) is not None:
                return entry[0], _parameters(entry[1], values)
        return self._search(method, path, segments, static)

    def owns(self, path: str) -> bool:
        """Whether a context of this table is a prefix of the canonical path."""
        return self._owner(_split(path))[0] is not None

    def _owner(self, segments: list[str]) -> tuple[Node[T] | None, int]:
        """The tree of the longest context that the path begins with, and the index of the segment behind it."""
        level = self._contexts
        owner: Node[T] | None = level.get(_HERE)
        after = 0
        for depth, segment in enumerate(segments, 1):
            deeper = level.get(segment)
            if deeper is None:
                break
            level = deeper
            if _HERE in level:
                owner = level[_HERE]
                after = depth
        return owner, after

    def _search(
        self, method: str, path: str, segments: list[str], static: dict[str, Match[T]] | None
    ) -> Match[T] | NotAllowed[T] | None:
        known: list[Mapping[str, tuple[T, Any]]] = [] if static is None else [static]
        for leaf, values in self._leaves(segments):
            entry = _choose(leaf, method)
            if entry is None:
                known.append(leaf)
                continue
            if entry[1][-1] == "*" and values[-1] and path[-1] == "/":
                values = (*values[:-1], values[-1] + "/")
            return entry[0], _parameters(entry[1], values)
        return _not_allowed(known) if known else None

    def _leaves(self, segments: list[str]) -> Iterator[Reached[T]]:
        node, index = self._owner(segments)
        return leaves(node, segments, index, ()) if node is not None else iter(())


def _split(path: str) -> list[str]:
    segments = path.split("/")
    if not segments[-1]:
        segments.pop()
    return segments[1:]


def _choose(leaf: Mapping[str, tuple[T, Any]], method: str) -> tuple[T, Any] | None:
    entry = leaf.get(method)
    if entry is None and method == "HEAD":
        entry = leaf.get("GET")
    return leaf.get("*") if entry is None else entry


def _parameters(names: tuple[str, ...], values: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        parameters[name] = unquote(value) if "%" in value and name != "*" else value
    return parameters


def _not_allowed(known: Sequence[Mapping[str, tuple[T, Any]]]) -> NotAllowed[T]:
    methods = {method for leaf in known for method in leaf}
    allowed = methods | {"HEAD"} if "GET" in methods else methods
    return NotAllowed(tuple(sorted(allowed)), tuple(leaf[method][0] for leaf in known for method in sorted(leaf)))
