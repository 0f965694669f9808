"""Finds what JSONPaths of RFC 9535 lead to, in the order and as often as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from apim_governance.paths.strict import StrictFilter, StrictPath
from apim_governance.paths.strict_expression import Query
from apim_governance.paths.syntax import Child, Descend, Index, Name, Slice, Wildcard

__all__ = ["find_strict", "normalised"]

Key = str | int
Node = tuple[tuple[Key, ...], Any]
"""A path and the value there."""
_ESCAPED: Final = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", "'": r"\'", "\\": r"\\"}


def find_strict(path: StrictPath, root: Any) -> list[Node]:
    """All nodes that a path leads to. Raises TimeoutError where a regular expression takes too long."""
    return _found(path.segments, ((), root), root)


def normalised(path: tuple[Key, ...]) -> str:
    """The normalised path of a node."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f"['{_quoted(part)}']" for part in path)


def _quoted(name: str) -> str:
    return "".join(_ESCAPED.get(sign) or (f"\\u{ord(sign):04x}" if sign < " " else sign) for sign in name)


def _found(segments: tuple[Child | Descend, ...], start: Node, root: Any) -> list[Node]:
    nodes = [start]
    for segment in segments:
        holders = nodes if isinstance(segment, Child) else (each for node in nodes for each in _descendants(node))
        nodes = [
            found for holder in holders for selector in segment.selectors for found in _selected(selector, holder, root)
        ]
    return nodes


def _values(query: Query, node: Any, root: Any) -> list[Any]:
    return [value for _, value in _found(query.segments, ((), node if query.relative else root), root)]


def _descendants(node: Node) -> Iterator[Node]:
    """The node and all below it, each before its children."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(_children(current)))


def _children(node: Node) -> list[Node]:
    path, value = node
    if isinstance(value, dict):
        return [((*path, name), child) for name, child in value.items()]
    if isinstance(value, list):
        return [((*path, index), child) for index, child in enumerate(value)]
    return []


def _selected(selector: Any, node: Node, root: Any) -> Iterator[Node]:
    path, value = node
    if isinstance(selector, Wildcard):
        yield from _children(node)
    elif isinstance(selector, StrictFilter):
        holds = selector.test.holds
        yield from (child for child in _children(node) if holds(child[1], root, _values))
    elif isinstance(selector, Name):
        if isinstance(value, dict) and selector.name in value:
            yield (*path, selector.name), value[selector.name]
    elif isinstance(value, list):
        yield from (((*path, index), value[index]) for index in _indexes(selector, len(value)))


def _indexes(selector: Index | Slice, length: int) -> range:
    if isinstance(selector, Slice):
        if selector.step == 0:
            return range(0)
        return range(*slice(selector.start, selector.stop, selector.step).indices(length))
    index = selector.index + length if selector.index < 0 else selector.index
    return range(index, index + 1) if 0 <= index < length else range(0)
