"""Filter expressions of RFC 9535: their syntax tree, and what they make of a node.

Values are those of JSON, and ``NOTHING`` where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from apim_governance.paths.regexps import finds, is_matched
from apim_governance.paths.syntax import Child, Descend, Index, Name

__all__ = ["FUNCTIONS", "NOTHING", "Call", "Comparison", "Constant", "Exists", "Logical", "Not", "Query"]

NOTHING: Final[Any] = type("_Nothing", (), {"__repr__": lambda self: "NOTHING"})()

Find = Callable[["Query", Any, Any], list[Any]]
"""The values of the nodes that a query finds, from the current node and the root."""


@attrs.frozen
class Query:
    """A query in a filter: from ``@`` where it is ``relative``, else from ``$``."""

    relative: bool
    segments: tuple[Child | Descend, ...]

    @property
    def is_singular(self) -> bool:
        """Whether it finds one node at most, whatever the document is."""
        return all(
            isinstance(segment, Child)
            and len(segment.selectors) == 1
            and isinstance(segment.selectors[0], Name | Index)
            for segment in self.segments
        )

    def value(self, node: Any, root: Any, find: Find) -> Any:
        """Of a singular query."""
        found = find(self, node, root)
        return found[0] if found else NOTHING


@attrs.frozen
class Constant:
    """A literal."""

    constant: Any

    def value(self, node: Any, root: Any, find: Find) -> Any:
        """The constant."""
        return self.constant


@attrs.frozen
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Query | Constant | Call, ...]

    def value(self, node: Any, root: Any, find: Find) -> Any:
        """The result."""
        function = FUNCTIONS[self.name]
        arguments = [
            find(argument, node, root) if of_nodes and isinstance(argument, Query) else argument.value(node, root, find)
            for argument, of_nodes in zip(self.arguments, function.of_nodes, strict=True)
        ]
        return function.call(*arguments)

    holds = value
    """Where the function says yes or no, it is a test."""


@attrs.frozen
class Exists:
    """Whether a query finds anything."""

    query: Query

    def holds(self, node: Any, root: Any, find: Find) -> bool:
        """Whether it does."""
        return bool(find(self.query, node, root))


@attrs.frozen
class Comparison:
    """``left operator right``."""

    operator: str
    left: Query | Constant | Call
    right: Query | Constant | Call

    def holds(self, node: Any, root: Any, find: Find) -> bool:
        """Whether the values compare so."""
        left, right = self.left.value(node, root, find), self.right.value(node, root, find)
        if self.operator in (">", ">="):
            left, right = right, left
        if self.operator in ("<", ">"):
            return _less(left, right)
        if self.operator in ("<=", ">="):
            return _less(left, right) or equal(left, right)
        return equal(left, right) is (self.operator == "==")


@attrs.frozen
class Not:
    """``!operand``."""

    operand: Test

    def holds(self, node: Any, root: Any, find: Find) -> bool:
        """Whether the operand does not."""
        return not self.operand.holds(node, root, find)


@attrs.frozen
class Logical:
    """Some tests of which all must hold, or any."""

    all: bool
    operands: tuple[Test, ...]

    def holds(self, node: Any, root: Any, find: Find) -> bool:
        """Whether they do."""
        results = (operand.holds(node, root, find) for operand in self.operands)
        return all(results) if self.all else any(results)


Test = Exists | Comparison | Not | Logical | Call


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def _less(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return _is_number(left) and _is_number(right) and left < right


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@attrs.frozen
class Function:
    """A function: for each parameter whether it takes nodes (else a value), and whether it is a test (else a value)."""

    call: Callable[..., Any]
    of_nodes: tuple[bool, ...]
    is_test: bool = False


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, str | list | dict) else NOTHING


def _value(nodes: list[Any]) -> Any:
    return nodes[0] if len(nodes) == 1 else NOTHING


def _on_texts(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda text, expression: isinstance(text, str) and isinstance(expression, str) and test(text, expression)


FUNCTIONS: Final = {
    "length": Function(_length, (False,)),
    "count": Function(len, (True,)),
    "match": Function(_on_texts(is_matched), (False, False), is_test=True),
    "search": Function(_on_texts(finds), (False, False), is_test=True),
    "value": Function(_value, (True,)),
}
"""The function extensions of RFC 9535."""
