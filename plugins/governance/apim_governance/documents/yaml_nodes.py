"""YAML texts as nodes, composed with libyaml.

Its composer is quick, but does not say where an alias stands, and takes no name of an anchor twice. Texts in which that
matters are composed here, from its events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from apim_governance.documents.limits import DEEPEST, MOST_VALUES

__all__ = ["AliasNode", "YAMLError", "compose"]

_ANCHOR: Final = re.compile(r"&([^\s,\[\]{}]+)")
_ALIAS: Final = re.compile(r"\*([^\s,\[\]{}]+)")
_TWICE: Final = "second occurrence"


class YAMLError(ValueError):
    """What is no YAML, or too much of it: ``reason`` and ``offset``."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class AliasNode(Node):
    """An alias, where it stands; ``value`` is the node that it stands for."""

    id = "alias"


def compose(text: str) -> tuple[Node | None, int]:
    """The root, and how many names and values there are. Raises YAMLError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise YAMLError("half of a surrogate pair is no character", error.start) from None
    if not set(_ANCHOR.findall(text)).isdisjoint(_ALIAS.findall(text)):
        return _from_events(text)
    parser = _Composer(text)
    try:
        node: Node | None = parser.get_single_node()
    except yaml.MarkedYAMLError as error:
        if error.problem == _TWICE:
            return _from_events(text)
        raise _told(error) from None
    except yaml.YAMLError as error:
        raise _told(error) from None
    finally:
        parser.dispose()
    return node, parser.values


def _told(error: yaml.YAMLError) -> YAMLError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return YAMLError(str(error.problem), 0 if mark is None else mark.index)
    return YAMLError(str(error), getattr(error, "position", 0))


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
            return _tag(implicit)
        return ""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Called on the way into a node."""
        self.values += 1
        if self.values > MOST_VALUES:
            raise _too_many(current_node.start_mark.index)
        self._depth += 1
        if self._depth > DEEPEST:
            raise _too_deep(0 if current_node is None else current_node.start_mark.index)

    def ascend_resolver(self) -> None:
        """Called on the way out of it."""
        self._depth -= 1


def _tag(implicit: Any) -> str:
    return "plain" if implicit[0] else "text"


def _too_many(offset: int) -> YAMLError:
    return YAMLError(f"it has more than {MOST_VALUES:,} names and values", offset)


def _too_deep(offset: int) -> YAMLError:
    return YAMLError(f"it is nested more than {DEEPEST} deep", offset)


def _from_events(text: str) -> tuple[Node | None, int]:
    parser = _Composer(text)
    try:
        return _Events(parser).root()
    except yaml.YAMLError as error:
        raise _told(error) from None
    finally:
        parser.dispose()


class _Events:
    """Composes nodes from events; a name stands for the last anchor of that name."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def root(self) -> tuple[Node | None, int]:
        """The only document, and how many names and values it has."""
        parser = self._parser
        parser.get_event()
        node = None
        if not parser.check_event(yaml.StreamEndEvent):
            parser.get_event()
            node = self._node(0)
            parser.get_event()
            if not parser.check_event(yaml.StreamEndEvent):
                raise YAMLError("but found another document", parser.peek_event().start_mark.index)
        return node, self._values

    def _node(self, depth: int) -> Node:
        event = self._parser.get_event()
        start: Any = event.start_mark
        end: Any = event.end_mark
        self._values += 1
        if self._values > MOST_VALUES:
            raise _too_many(start.index)
        if depth > DEEPEST:
            raise _too_deep(start.index)
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise YAMLError("found undefined alias", start.index)
            return AliasNode("", self._anchors[event.anchor], start, end)
        node: Node
        if isinstance(event, ScalarEvent):
            node = ScalarNode(_tag(event.implicit), event.value, start, end, style=event.style)
        elif isinstance(event, SequenceStartEvent):
            node = SequenceNode("", [], start, end, flow_style=event.flow_style)
        else:
            assert isinstance(event, MappingStartEvent)
            node = MappingNode("", [], start, end, flow_style=event.flow_style)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if isinstance(node, SequenceNode):
            node.value.extend(self._until(yaml.SequenceEndEvent, node, depth))
        elif isinstance(node, MappingNode):
            inner = self._until(yaml.MappingEndEvent, node, depth)
            node.value.extend(zip(inner, inner, strict=True))
        return node

    def _until(self, end: type[yaml.Event], node: Node, depth: int) -> Iterator[Node]:
        while not self._parser.check_event(end):
            yield self._node(depth + 1)
        node.end_mark = self._parser.get_event().end_mark
