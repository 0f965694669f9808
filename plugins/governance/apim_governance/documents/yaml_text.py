"""YAML documents: composed to nodes by libyaml, and read with the core schema of YAML 1.2.

Spans are those that Spectral tells: a scalar's are its own; a mapping or a list begins right behind the colon of its
name, and ends with the last thing in it.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from apim_sdk.governance import JSONPath
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from apim_governance.documents.limits import MOST_ALIASED, MOST_FINDINGS
from apim_governance.documents.numbers import number
from apim_governance.documents.yaml_nodes import AliasNode, YAMLError, compose

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
_PROPERTIES: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s|#[^\n]*\n)*)+")

Span = tuple[int, int]
Pair = tuple[Node, Node]
"""A name and its value."""


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
        self._text = text
        self._root, self.values = compose(text)
        try:
            self.data = None if self._root is None else self._value(self._root, ())
        except RecursionError:  # a chain of aliases within names that are not texts
            raise YAMLError("its aliases are nested too deeply", 0) from None

    def span(self, path: JSONPath, closest: bool) -> Span | None:
        """From where a value begins to where it ends; of its closest holder, if it is not there."""
        node = self._root
        if node is None:
            return (0, 0) if closest or not path else None
        start = self._start(node)
        if start == self._second_line:
            start = 0  # Spectral has it so: behind a comment or --- that is the only line above
        for part in path:
            inner = self._inner(node.value if isinstance(node, AliasNode) else node, part)
            if inner is None:
                return (start, _end(node)) if closest else None
            node, start = inner
        return start, start if self._bare(node) else _end(node)

    def _inner(self, node: Node, part: str | int) -> tuple[Node, int] | None:
        """What stands under a name or number in a node, and where that begins."""
        if isinstance(node, SequenceNode):
            number = int(part) if str(part).isdigit() else -1
            if 0 <= number < len(node.value):
                return node.value[number], self._start(node.value[number])
            return None
        if isinstance(node, MappingNode):
            found = self._by_name(node).get(str(part))
            if found is not None:
                name, value = found
                plain = isinstance(value, ScalarNode) and not self._bare(value)
                return value, self._start(value) if plain else name.end_mark.index + 1
        return None

    def _start(self, node: Node) -> int:
        """Where a node begins, behind its anchor and tag."""
        index: int = node.start_mark.index
        if isinstance(node, AliasNode):
            return index + 1  # behind its asterisk
        if self._text[index : index + 1] in ("&", "!") and not self._bare(node):
            found = _PROPERTIES.match(self._text, index)
            index = index if found is None else min(found.end(), node.end_mark.index)
        return index

    def _bare(self, node: Node) -> bool:
        """Whether there is nothing but an anchor or a tag."""
        plain = isinstance(node, ScalarNode) and node.tag == "plain" and not node.value
        return plain and self._text[node.start_mark.index : node.start_mark.index + 1] in ("&", "!")

    def _span(self, node: Node) -> Span:
        return self._start(node), _end(node)

    def _by_name(self, node: MappingNode) -> dict[str, Pair]:
        """The members of a mapping; where a name stands twice, the last. Those with merges were kept when made."""
        known = self._members.get(id(node))
        if known is None:
            known = {pair[0].value: pair for pair in node.value if isinstance(pair[0], ScalarNode)}
            self._members[id(node)] = known
        return known

    def _value(self, node: Node, path: JSONPath) -> Any:
        if isinstance(node, AliasNode):
            return self._copy(self._value(node.value, path))
        if isinstance(node, ScalarNode):
            return _scalar(node)
        known = self._made.get(id(node))
        if known is not None:  # for an alias
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

    def _copy(self, value: Any) -> Any:
        """A value of its own: what an alias stands for is looked at wherever the alias is."""
        if not isinstance(value, dict | list):
            return value
        copied = _copied(value)
        self._sizes[id(copied)] = self._sizes[id(value)]
        return copied

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
                self.incompatible.append((path, self._span(name), "Mapping key must be a string scalar"))
                continue
            kind = _kind(name)
            if kind != "string" and len(self.incompatible) < MOST_FINDINGS:
                span = self._span(name)
                self.incompatible.append(
                    ((*path, name.value), span, f"Mapping key must be a string scalar rather than {kind}")
                )
            if self._merges(name):
                merged += self._mergeable(value, (*path, name.value))
            else:
                if name.value in own and len(self.duplicates) < MOST_FINDINGS:
                    self.duplicates.append(((*path, name.value), self._span(name)))
                own.add(name.value)
                made.pop(name.value, None)
                made[name.value] = self._value(value, (*path, name.value))
        return self._merge(node, merged, made) if merged else made

    def _merges(self, name: ScalarNode) -> bool:
        return self._merge_keys and name.value == "<<" and name.tag == "plain"

    def _mergeable(self, value: Node, path: JSONPath) -> list[MappingNode]:
        """The mappings to merge, the weakest first. What holds the merge has nothing yet that it could give."""
        value = _meant(value)
        given = map(_meant, value.value) if isinstance(value, SequenceNode) else [value]
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
                made[name] = value if data is own else self._copy(value)
                pairs[name] = members[name]
        self._members[id(node)] = pairs
        return made


def _meant(node: Node) -> Node:
    """What an alias stands for; other nodes are themselves."""
    return node.value if isinstance(node, AliasNode) else node


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(inner) if isinstance(inner, dict | list) else inner for name, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) if isinstance(inner, dict | list) else inner for inner in value]
    return value


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


def _end(node: Node) -> int:
    """Where a node ends: with the end of the last thing in it; a block of text without its last line break."""
    while not isinstance(node, ScalarNode | AliasNode) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    index: int = node.end_mark.index
    block = isinstance(node, ScalarNode) and node.style in ("|", ">")
    return index - 1 if block and node.end_mark.column == 0 else index
