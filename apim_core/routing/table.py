"""All operations behind one host pattern: a dictionary of plain paths, and the tree of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from apim_core.routing.route import Match, NotAllowed
from apim_core.routing.template import PARAMETER, Template
from apim_core.routing.trie import Node, insert, leaves, owner_of

__all__ = ["Table"]

T = TypeVar("T")

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


class Table(Generic[T]):
    """The operations behind one host pattern. Filled while the router is built, never changed afterwards."""

    __slots__ = ("_members", "_root", "_start", "static")

    def __init__(self) -> None:
        self.static: dict[str, dict[str, Match[T]]] = {}
        """Operations without parameters, by full path without a last slash, then by method."""
        self._members: dict[str, Node[T]] = {}
        """What follows a path without parameters, where that may be one: most paths name a member of a collection."""
        self._start: Node[T] = Node()
        """A node for what stands before the first slash, so that a split path needs no slicing."""
        self._root = self._start.child("")

    def add_context(self, context: tuple[str, ...]) -> None:
        """Make the context own what stands under it."""
        self._node(context).is_owner = True

    def is_fenced_off(self, context: tuple[str, ...], template: Template) -> bool:
        """Whether all that the template matches belongs to a longer context than its own."""
        node = self._node(context)
        for segment in template.segments:
            if not isinstance(segment, str) or node.literals is None or segment not in node.literals:
                return False
            node = node.literals[segment]
            if node.is_owner:
                return True
        return False

    def add(self, context: tuple[str, ...], template: Template, method: str, target: T) -> None:
        """Put an operation in that is not there yet and not fenced off. All contexts must have been added before."""
        if template.is_static:
            path = "/" + "/".join((*context, *(segment for segment in template.segments if isinstance(segment, str))))
            self.static.setdefault(path, {})[method] = (target, _NO_PARAMETERS)
        else:
            insert(self._node(context), template, method, target)
            place = (*context, *(segment for segment in template.segments if isinstance(segment, str)))
            if template.segments[-1:] == (PARAMETER,) and len(place) == len(context) + len(template.segments) - 1:
                self._members["".join(f"/{segment}" for segment in place)] = self._node(place)

    def _node(self, context: tuple[str, ...]) -> Node[T]:
        node = self._root
        for segment in context:
            node = node.child(segment)
        return node

    def match(self, method: str, path: str) -> Match[T] | NotAllowed[T] | None:
        """The operation for a canonical path; None if there is none, whether a context owns the path or not."""
        static = self.static.get(path)
        if static is not None and (found := _choose(static, method)) is not None:
            return found
        if path[-1:] == "/" or path[:1] != "/":
            return self._search(method, path) if path[:1] == "/" else None
        values: list[str]
        collection, _, member = path.rpartition("/")
        node = self._members.get(collection, self._start)
        if (
            (parameter := node.parameter) is not None
            and (leaf := parameter.leaf) is not None
            and not node.partials
            and (node.literals is None or member not in node.literals)
            and (entry := leaf.get(method)) is not None
            and "%" not in member
        ):
            return entry[0], {entry[1][0]: member}
        node = self._start
        values = []
        segments = iter(path.split("/"))
        # The first branch that fits nearly always leads to the operation; where it does not, all are searched.
        for segment in segments:
            literals = node.literals
            if literals is not None and (child := literals.get(segment)) is not None:
                node = child
            elif (parameter := node.parameter) is not None and not node.partials:
                values.append(segment)
                node = parameter
            elif node.partials:
                return self._search(method, path)
            else:
                values.append("/".join((segment, *segments)))
                leaf = node.rest
                break
        else:
            leaf = node.leaf
        if leaf is None or ((entry := leaf.get(method)) is None and (entry := _choose(leaf, method)) is None):
            return self._search(method, path)
        target, names = entry
        if "%" in path:
            return target, _parameters(names, values)
        return target, {names[0]: values[0]} if len(values) == 1 else dict(zip(names, values, strict=True))

    def owns(self, path: str) -> bool:
        """Whether a context of this table is a prefix of the canonical path."""
        return owner_of(self._root, _split(path))[0] is not None

    def _search(self, method: str, path: str) -> Match[T] | NotAllowed[T] | None:
        segments = _split(path)
        plain = "/" + "/".join(segments)
        static = self.static.get(plain)
        if static is not None and (found := _choose(static, method)) is not None:
            return found
        owner, index = owner_of(self._root, segments)
        if owner is None:
            return None
        known: list[Mapping[str, tuple[T, Any]]] = [] if static is None else [static]
        for leaf, values in leaves(owner, segments, index, ()):
            entry = _choose(leaf, method)
            if entry is None:
                known.append(leaf)
                continue
            if entry[1][-1] == "*" and values[-1] and plain != path:
                values = (*values[:-1], values[-1] + "/")
            return entry[0], _parameters(entry[1], values)
        return _not_allowed(known) if known else None


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
    parameters = dict(zip(names, values, strict=True))
    for name, value in parameters.items():
        if "%" in value and name != "*":
            parameters[name] = unquote(value)
    return parameters


def _not_allowed(known: Sequence[Mapping[str, tuple[T, Any]]]) -> NotAllowed[T]:
    methods = {method for leaf in known for method in leaf}
    allowed = methods | {"HEAD"} if "GET" in methods else methods
    return NotAllowed(tuple(sorted(allowed)), tuple(leaf[method][0] for leaf in known for method in sorted(leaf)))
