"""The syntax tree of an expression. Every node knows where in the text it starts, counted in characters from 0."""

from collections.abc import Iterator
from typing import Any

import attrs


@attrs.frozen
class Literal:
    """A constant: None, bool, int, UInt, float, str or bytes."""

    offset: int
    value: Any


@attrs.frozen
class Name:
    """An identifier; `absolute` if written with a leading dot, which skips local variables and the container."""

    offset: int
    name: str
    absolute: bool = False


@attrs.frozen
class Select:
    """`operand.field`, or `operand.?field` if optional."""

    offset: int
    operand: "Node"
    field: str
    optional: bool = False


@attrs.frozen
class Index:
    """`operand[index]`, or `operand[?index]` if optional."""

    offset: int
    operand: "Node"
    index: "Node"
    optional: bool = False


@attrs.frozen
class Call:
    """`target.function(arguments)`, `function(arguments)`, or an operator, whose function is spelt like `_+_`."""

    offset: int
    function: str
    arguments: tuple["Node", ...]
    target: "Node | None" = None


@attrs.frozen
class Logical:
    """`a && b && ...` or `a || b || ...`, flattened."""

    offset: int
    operator: str
    terms: tuple["Node", ...]


@attrs.frozen
class Conditional:
    """`condition ? positive : negative`."""

    offset: int
    condition: "Node"
    positive: "Node"
    negative: "Node"


@attrs.frozen
class Element:
    """One element of a list literal; an optional one (`?x`) is left out if it has no value."""

    value: "Node"
    optional: bool = False


@attrs.frozen
class ListLiteral:
    """`[a, ?b]`."""

    offset: int
    elements: tuple[Element, ...]


@attrs.frozen
class Entry:
    """One entry of a map literal; an optional one (`?k: v`) is left out if v has no value."""

    key: "Node"
    value: "Node"
    optional: bool = False


@attrs.frozen
class MapLiteral:
    """`{k: v, ?k2: v2}`."""

    offset: int
    entries: tuple[Entry, ...]


Node = Literal | Name | Select | Index | Call | Logical | Conditional | ListLiteral | MapLiteral


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below this one."""
    match node:
        case Select(operand=operand):
            yield operand
        case Index(operand=operand, index=index):
            yield from (operand, index)
        case Call(arguments=arguments, target=target):
            if target is not None:
                yield target
            yield from arguments
        case Logical(terms=terms):
            yield from terms
        case Conditional(condition=condition, positive=positive, negative=negative):
            yield from (condition, positive, negative)
        case ListLiteral(elements=elements):
            yield from (element.value for element in elements)
        case MapLiteral(entries=entries):
            for entry in entries:
                yield from (entry.key, entry.value)
        case _:
            return


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """The node and all below it, each with its depth, which is 1 for the node; in no particular order."""
    waiting = [(node, 1)]
    while waiting:
        current, depth = waiting.pop()
        yield current, depth
        waiting.extend((child, depth + 1) for child in children(current))


def dotted(node: Node) -> tuple[str, bool] | None:
    """`a.b.c` as its dotted name and whether it is absolute; None for anything else."""
    fields: list[str] = []
    while isinstance(node, Select) and not node.optional:
        fields.append(node.field)
        node = node.operand
    if not isinstance(node, Name):
        return None
    return ".".join((node.name, *reversed(fields))), node.absolute
