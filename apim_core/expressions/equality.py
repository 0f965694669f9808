"""Equality, membership and order of values (cel-spec langdef, "Equality", "Ordering").

Numbers of different types compare by value, an integer with a double as doubles; values of otherwise different types
are unequal, and have no order.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.limits import MAXIMUM_RESULT_LENGTH
from apim_core.expressions.types import LIST, MAP, OPTIONAL, Type
from apim_core.expressions.values import MISSING, Duration, OpenMap, Timestamp, UInt, find_key, native, type_of

ORDERED = frozenset({bool, int, UInt, float, str, bytes, Timestamp, Duration})
NUMBERS = frozenset({int, UInt, float})
_PLAIN = ORDERED | {type(None)}


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal."""
    if type(left) is type(right) and type(left) in _PLAIN:
        return bool(left == right)
    return _Comparison().equal(left, right)


def contains(element: Any, container: Any) -> bool:
    """`element in container`: one of a list's elements, or a map's keys."""
    held = native(container)
    kind = type_of(held)
    if kind is LIST:
        if type(element) is str:
            return element in held
        comparison = _Comparison()
        return any(comparison.equal(element, each) for each in held)
    if kind is MAP:
        return find_key(held, element) is not MISSING
    raise EvaluationError(f"no such overload: {type_of(element)} in {kind}")


class _Comparison:
    """Compares values, and what is in them, within a bound: a value that holds another one many times can be huge."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAXIMUM_RESULT_LENGTH

    def equal(self, left: Any, right: Any) -> bool:
        self._left -= 1
        if self._left < 0:
            raise EvaluationError("the values are too large to compare")
        kind, other = type(left), type(right)
        if kind is other and kind in _PLAIN:
            return bool(left == right)
        if type_of(left) is not type_of(right):
            return _equal_numbers(native(left), native(right))
        return self._equal_of_type(native(left), native(right), type_of(left))

    def _equal_of_type(self, left: Any, right: Any, kind: Type) -> bool:
        if kind is LIST:
            return len(left) == len(right) and all(map(self.equal, left, right))
        if kind is MAP:
            return len(left) == len(right) and all(self._holds(right, key, left[key]) for key in left)
        if kind is OPTIONAL:
            if left.value is MISSING or right.value is MISSING:
                return left.value is right.value
            return self.equal(left.value, right.value)
        return bool(left == right)

    def _holds(self, mapping: Mapping[Any, Any], key: Any, value: Any) -> bool:
        held = find_key(mapping.entries if isinstance(mapping, OpenMap) else mapping, key)
        return held is not MISSING and self.equal(held, value)


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
        return math.inf if number > 0 else -math.inf


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
