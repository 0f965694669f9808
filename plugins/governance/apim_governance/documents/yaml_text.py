"""YAML documents: composed to nodes by libyaml, and read with the core schema of YAML 1.2.

Spans are those that Spectral tells: a scalar's are its own; a mapping or a list begins right behind the colon of its
name, and ends with the last thing in it.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml
from apim_sdk.governance import JSONPath
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from apim_governance.documents.limits import DEEPEST, MOST_ALIASED, MOST_FINDINGS, MOST_VALUES
from apim_governance.documents.numbers import number

__all__ = ["YAMLError", "YAMLText"]

_NULLS: Final = frozenset(("null", "Null", "NULL", "~", ""))
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NANS: Final = frozenset((".nan", ".NaN", ".NAN"))
_LONGEST_NUMBER: Final = 400

Span = tuple[int, int]
Pair = tuple[Node, Node]
"""A name and its value."""


class YAMLError(ValueError):
    """What is no YAML, or too much of it: ``reason`` and ``offset``."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class _Composer(CParser):
    """Composes nodes; what kind of value a scalar is, is decided later.

    It composes by recursion on the stack of the machine, so depth is bounded on the way down.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self.values = 0

    def check_state_key(self, key: str) -> None:
        """Nothing is constructed."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        """The tag: for a scalar, whether it is plain."""
        if kind is ScalarNode:
            return "plain" if implicit[0] else "text"
        return ""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Called on the way into a node."""
        self.values += 1
        if self.values > MOST_VALUES:
            raise YAMLError(f"it has more than {MOST_VALUES:,} names and values", current_node.start_mark.index)
        self._depth += 1
        if self._depth > DEEPEST:
            offset = 0 if current_node is None else current_node.start_mark.index
            raise YAMLError(f"it is nested more than {DEEPEST} deep", offset)

    def ascend_resolver(self) -> None:
        """Called on the way out of it."""
        self._depth -= 1


class YAMLText:
    """A YAML text: its ``data``, names that stand twice, names that are no texts, and where each value stands.

    An alias follows what it names, so that is always made already, unless it holds the alias; of merges, too.
    """

    def __init__(self, text: str, merge_keys: bool = True) -> None:
        self.duplicates: list[tuple[JSONPath, Span]] = []
        self.incompatible: list[tuple[JSONPath, Span, str]] = []
        self._merge_keys = merge_keys
        self._aliased = 0
        self._made: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}  # of what was made, by its own id
        self._members: dict[int, dict[str, Pair]] = {}
        self._open: set[int] = set()
        self._second_line = text.find("\n") + 1
        self._root, self.values = _compose(text)
        try:
            self.data = None if self._root is None else self._value(self._root, ())
        except RecursionError:  # a chain of aliases within names that are not texts
            raise YAMLError("its aliases are nested too deeply", 0) from None

    def span(self, path: JSONPath, closest: bool) -> Span | None:
        """From where a value begins to where it ends; of its closest holder, if it is not there."""
        node = self._root
        if node is None:
            return (0, 0) if closest or not path else None
        start = _own_start(node)
        if start == self._second_line:
            start = 0  # Spectral has it so: behind a comment or --- that is the only line above
        for part in path:
            inner = self._inner(node, part)
            if inner is None:
                return (start, _end(node)) if closest else None
            node, start = inner
        return start, _end(node)

    def _inner(self, node: Node, part: str | int) -> tuple[Node, int] | None:
        """What stands under a name or number in a node, and where that begins."""
        if isinstance(node, SequenceNode):
            number = int(part) if str(part).isdigit() else -1
            if 0 <= number < len(node.value):
                return node.value[number], _own_start(node.value[number])
            return None
        if isinstance(node, MappingNode):
            found = self._by_name(node).get(str(part))
            if found is not None:
                name, value = found
                plain = isinstance(value, ScalarNode) or value.start_mark.index < name.start_mark.index  # an alias
                return value, _own_start(value) if plain else name.end_mark.index + 1
        return None

    def _by_name(self, node: MappingNode) -> dict[str, Pair]:
        """The members of a mapping; where a name stands twice, the last. Those with merges were kept when made."""
        known = self._members.get(id(node))
        if known is None:
            known = {pair[0].value: pair for pair in node.value if isinstance(pair[0], ScalarNode)}
            self._members[id(node)] = known
        return known

    def _value(self, node: Node, path: JSONPath) -> Any:
        if isinstance(node, ScalarNode):
            return _scalar(node)
        known = self._made.get(id(node))
        if known is not None:  # an alias: the data is shared, and counted as if it were not
            self._count(node)
            return known
        if id(node) in self._open:
            raise YAMLError("an alias leads back to what holds it", node.start_mark.index)
        self._open.add(id(node))
        made: Any
        if isinstance(node, SequenceNode):
            made = [self._value(item, (*path, number)) for number, item in enumerate(node.value)]
        else:
            assert isinstance(node, MappingNode)
            made = self._mapping(node, path)
        self._open.discard(id(node))
        self._made[id(node)] = made
        sizes = self._sizes
        inner = made.values() if isinstance(made, dict) else made
        sizes[id(made)] = len(made) + sum(sizes[id(each)] for each in inner if isinstance(each, dict | list))
        return made

    def _count(self, node: Node) -> None:
        self._aliased += self._sizes[id(self._made[id(node)])] + 1
        if self._aliased > MOST_ALIASED:
            raise YAMLError(f"its aliases stand for more than {MOST_ALIASED:,} values", node.start_mark.index)

    def _mapping(self, node: MappingNode, path: JSONPath) -> dict[str, Any]:
        made: dict[str, Any] = {}
        own: set[str] = set()
        merged: list[MappingNode] = []
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                self.incompatible.append((path, _span(name), "Mapping key must be a string scalar"))
                continue
            kind = _kind(name)
            if kind != "string" and len(self.incompatible) < MOST_FINDINGS:
                span = _span(name)
                self.incompatible.append(
                    ((*path, name.value), span, f"Mapping key must be a string scalar rather than {kind}")
                )
            if name.value in own and len(self.duplicates) < MOST_FINDINGS:
                self.duplicates.append(((*path, name.value), _span(name)))
            own.add(name.value)
            if self._merges(name):
                merged += self._mergeable(value, (*path, name.value))
            else:
                made.pop(name.value, None)
                made[name.value] = self._value(value, (*path, name.value))
        return self._merge(node, merged, made) if merged else made

    def _merges(self, name: ScalarNode) -> bool:
        return self._merge_keys and name.value == "<<" and name.tag == "plain"

    def _mergeable(self, value: Node, path: JSONPath) -> list[MappingNode]:
        """The mappings to merge, the weakest first. What holds the merge has nothing yet that it could give."""
        given = value.value if isinstance(value, SequenceNode) else [value]
        mappings = [each for each in given if isinstance(each, MappingNode) and id(each) not in self._open]
        for each in mappings:
            self._value(each, path)
        return mappings[::-1]

    def _merge(self, node: MappingNode, merged: list[MappingNode], own: dict[str, Any]) -> dict[str, Any]:
        """A mapping with what is merged in before its own, which is stronger."""
        made: dict[str, Any] = {}
        pairs: dict[str, Pair] = {}
        for data, members in (
            *((self._made[id(each)], self._by_name(each)) for each in merged),
            (own, {pair[0].value: pair for pair in node.value if isinstance(pair[0], ScalarNode)}),
        ):
            for name, value in data.items():
                made.pop(name, None)
                made[name] = value
                pairs[name] = members[name]
        self._members[id(node)] = pairs
        return made


def _compose(text: str) -> tuple[Node | None, int]:
    """The root, and how many names and values there are."""
    parser = _Composer(text)
    try:
        node: Node | None = parser.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YAMLError(str(error.problem), 0 if mark is None else mark.index) from None
    except yaml.YAMLError as error:
        raise YAMLError(str(error), getattr(error, "position", 0)) from None
    finally:
        parser.dispose()
    return node, parser.values


def _kind(node: ScalarNode) -> str:
    value = _scalar(node)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value
    if node.tag != "plain":
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Any:
    """The number that a plain scalar is, or the text."""
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return number(text)
    if _INFINITY.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NANS else text


def _span(node: Node) -> Span:
    return _own_start(node), _end(node)


def _own_start(node: Node) -> int:
    index: int = node.start_mark.index
    return index


def _end(node: Node) -> int:
    """Where a node ends: with the end of the last thing in it; a block of text without its last line break."""
    while not isinstance(node, ScalarNode) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    index: int = node.end_mark.index
    block = isinstance(node, ScalarNode) and node.style in ("|", ">")
    return index - 1 if block and node.end_mark.column == 0 else index
