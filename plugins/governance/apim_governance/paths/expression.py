"""Filter expressions: the part of JavaScript's expressions that filters may use, as a syntax tree.

Nothing of it is ever handed to an interpreter of the host; what is not in this grammar is refused when it is read.
"""

from __future__ import annotations

from typing import Any

import attrs

__all__ = [
    "Array",
    "Binary",
    "Call",
    "Conditional",
    "Expression",
    "Literal",
    "Logical",
    "Member",
    "Pattern",
    "TypeTest",
    "Unary",
    "Variable",
]


@attrs.frozen
class Literal:
    """A constant: text, number, boolean, ``null`` (None) or ``undefined``."""

    value: Any


@attrs.frozen
class Pattern:
    """A regular expression, ``/source/flags``."""

    source: str
    flags: str


@attrs.frozen
class Variable:
    """``@`` and what belongs to it: ``@property``, ``@parent``, ``@parentProperty``, ``@path``, ``@root`` (``$``)."""

    name: str


@attrs.frozen
class TypeTest:
    """``@string()`` and the like: whether the node is of a type."""

    type: str


@attrs.frozen
class Member:
    """``of.name``, or ``of[name]``."""

    of: Expression
    name: Expression


@attrs.frozen
class Call:
    """``of.method(arguments)``."""

    of: Expression
    method: str
    arguments: tuple[Expression, ...]


@attrs.frozen
class Unary:
    """``!x``, ``-x``, ``+x``, ``void x``, ``typeof x``."""

    operator: str
    operand: Expression


@attrs.frozen
class Binary:
    """Comparisons and arithmetic."""

    operator: str
    left: Expression
    right: Expression


@attrs.frozen
class Logical:
    """``&&``, ``||`` and ``??``, which evaluate their right side only where it matters."""

    operator: str
    left: Expression
    right: Expression


@attrs.frozen
class Conditional:
    """``test ? yes : no``."""

    test: Expression
    yes: Expression
    no: Expression


@attrs.frozen
class Array:
    """``[a, b]``."""

    items: tuple[Expression, ...]


Expression = Literal | Pattern | Variable | TypeTest | Member | Call | Unary | Binary | Logical | Conditional | Array
