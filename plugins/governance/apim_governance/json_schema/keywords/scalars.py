"""Keywords for numbers, and those for texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, Final

from apim_governance.ecmascript import Expression, InvalidExpression, compile_expression
from apim_governance.json_schema.errors import Check, Place, Run, SchemaFailure
from apim_governance.json_schema.formats import COMPARED, NUMBER_FORMATS, TEXT_FORMATS
from apim_governance.json_schema.nodes import Node
from apim_governance.json_schema.values import shown

__all__ = [
    "draft4_limit",
    "expression",
    "format_limit",
    "limit",
    "multiple_of",
    "needs_limit",
    "number_format",
    "pattern",
    "text_format",
    "text_length",
]

_LIMITS: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "maximum": ("<=", le),
    "minimum": (">=", ge),
    "exclusiveMaximum": ("<", lt),
    "exclusiveMinimum": (">", gt),
}


def limit(node: Node, keyword: str) -> Check:
    """``maximum`` and its like, with numbers."""
    return _limited(node, keyword, *_LIMITS[keyword])


def draft4_limit(node: Node, keyword: str) -> Check:
    """``maximum`` and ``minimum`` of draft 4, which a boolean beside them makes exclusive."""
    exclusive = "exclusive" + keyword[0].upper() + keyword[1:]
    return _limited(node, keyword, *_LIMITS[exclusive if node.schema.get(exclusive) else keyword])


def _limited(node: Node, keyword: str, sign: str, holds: Callable[[Any, Any], bool]) -> Check:
    bound = node.schema[keyword]
    fail = node.failing(keyword)
    message = f"must be {sign} {shown(bound)}"

    def check(data: Any, place: Place, run: Run) -> bool:
        return holds(data, bound) or fail(run, place, message, comparison=sign, limit=bound)

    return check


def needs_limit(node: Node, keyword: str) -> None:
    """``exclusiveMaximum`` and ``exclusiveMinimum`` of draft 4."""
    other = keyword.removeprefix("exclusive").lower()
    if other not in node.schema:
        raise SchemaFailure(f"{keyword} can only be used with {other}")


def multiple_of(node: Node, keyword: str) -> Check:
    """``multipleOf``: the quotient is whole, reckoned in doubles."""
    divisor = node.schema[keyword]
    fail = node.failing(keyword)
    message = f"must be multiple of {shown(divisor)}"

    def check(data: Any, place: Place, run: Run) -> bool:
        try:
            quotient = data / divisor
            whole = math.isfinite(quotient) and quotient == int(quotient) and abs(quotient) < _LARGEST
        except (OverflowError, ZeroDivisionError):
            whole = False
        return whole or fail(run, place, message, multipleOf=divisor)

    return check


_LARGEST: Final = 1e21


def text_length(node: Node, keyword: str) -> Check:
    """``maxLength`` and ``minLength``, in characters."""
    bound = node.schema[keyword]
    fail = node.failing(keyword)
    holds, word = (le, "more") if keyword == "maxLength" else (ge, "fewer")
    message = f"must NOT have {word} than {shown(bound)} characters"

    def check(data: Any, place: Place, run: Run) -> bool:
        return holds(len(data), bound) or fail(run, place, message, limit=bound)

    return check


def expression(source: str) -> Expression:
    """A regular expression of a schema. Raises SchemaFailure."""
    try:
        return compile_expression(source)
    except InvalidExpression as error:
        raise SchemaFailure(str(error)) from None


def pattern(node: Node, keyword: str) -> Check:
    """``pattern``: it matches somewhere in the text."""
    source = node.schema[keyword]
    fail = node.failing(keyword)
    test = expression(source).test
    message = f'must match pattern "{source}"'

    def check(data: Any, place: Place, run: Run) -> bool:
        return test(data) or fail(run, place, message, pattern=source)

    return check


def text_format(node: Node, keyword: str) -> Check | None:
    """``format`` of a text; one that is not known holds."""
    return _format(node, keyword, TEXT_FORMATS.get(node.schema[keyword]))


def number_format(node: Node, keyword: str) -> Check | None:
    """``format`` of a number; one that is not known holds."""
    return _format(node, keyword, NUMBER_FORMATS.get(node.schema[keyword]))


def _format(node: Node, keyword: str, holds: Callable[[Any], bool] | None) -> Check | None:
    if holds is None or not node.compiler.checks_formats:
        return None
    name = node.schema[keyword]
    fail = node.failing(keyword)
    message = f'must match format "{name}"'

    def check(data: Any, place: Place, run: Run) -> bool:
        return holds(data) or fail(run, place, message, format=name)

    return check


def format_limit(node: Node, keyword: str) -> Check | None:
    """``formatMaximum`` and its like: texts of a format come before another one."""
    name = node.schema.get("format")
    key = COMPARED.get(name) if isinstance(name, str) else None
    if key is None:
        if name in TEXT_FORMATS or name in NUMBER_FORMATS:
            raise SchemaFailure(f'"{keyword}": format "{name}" does not define "compare" function')
        return None
    bound = node.schema[keyword]
    word = keyword.removeprefix("format")
    sign, holds = _LIMITS[word[0].lower() + word[1:]]
    fail = node.failing(keyword)
    message = f"should be {sign} {bound}"
    other = key(bound)

    def check(data: Any, place: Place, run: Run) -> bool:
        value = key(data)
        comparable = value is not None and other is not None
        return not comparable or holds(value, other) or fail(run, place, message, comparison=sign, limit=bound)

    return check
