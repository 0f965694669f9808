"""Equality, membership and order of values (cel-spec langdef, "Equality", "Ordering").

Numbers of different types compare by value, an integer with a double as doubles; values of otherwise different types
are unequal, and have no order.
"""

import math

from collections.abc import Callable, Mapping
from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import LIST, MAP, OPTIONAL, Type
from apim_core.expressions.values import MISSING, Duration, Optional, Timestamp, UInt, find_key, native, type_of

ORDERED = frozenset({bool, int, UInt, float, str, bytes, Timestamp, Duration})
NUMBERS = frozenset({int, UInt, float})
_PLAIN = ORDERED | {type(None)}


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal."""
    kind, other = type(left), type(right)
    if kind is other and kind in _PLAIN:
        return bool(left == right)
    if type_of(left) is not type_of(right):
        return _equal_numbers(native(left), native(right))
    return _equal_of_type(native(left), native(right), type_of(left))


def _equal_numbers(left: Any, right: Any) -> bool:
    if type(left) not in NUMBERS or type(right) not in NUMBERS:
        return False
    one, other = _alike(left, right)
    return one == other


def _alike(left: float, right: float) -> tuple[float, float]:
    if type(left) is float:
        return left, _as_double(right)
    return (_as_double(left), right) if type(right) is float else (left, right)


def _as_double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def _equal_of_type(left: Any, right: Any, kind: Type) -> bool:
    if kind is LIST:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind is MAP:
        return len(left) == len(right) and all(_holds(right, key, left[key]) for key in left)
    if kind is OPTIONAL:
        return _equal_optionals(left, right)
    return bool(left == right)


def _holds(mapping: Mapping[Any, Any], key: Any, value: Any) -> bool:
    held = find_key(mapping, key)
    return held is not MISSING and equal(held, value)


def _equal_optionals(left: Optional, right: Optional) -> bool:
    if left.value is MISSING or right.value is MISSING:
        return left.value is right.value
    return equal(left.value, right.value)


def contains(element: Any, container: Any) -> bool:
    """`element in container`: one of a list's elements, or a map's keys."""
    held = native(container)
    kind = type_of(held)
    if kind is LIST:
        return element in held if type(element) is str else any(equal(element, each) for each in held)
    if kind is MAP:
        return find_key(held, element) is not MISSING
    raise EvaluationError(f"no such overload: {type_of(element)} in {kind}")


def ordered(compare: Callable[[Any, Any], bool], symbol: str) -> Callable[[Any, Any], bool]:
    """The ordering operator with this Python equivalent; it raises an `EvaluationError` if the types have no order."""

    def compare_values(left: Any, right: Any) -> bool:
        left, right = native(left), native(right)
        kind, other = type(left), type(right)
        if kind is other and kind in ORDERED:
            return compare(left, right)
        if kind in NUMBERS and other in NUMBERS:
            return compare(*_alike(left, right))
        raise EvaluationError(f"no such overload: {type_of(left)} {symbol} {type_of(right)}")

    return compare_values
