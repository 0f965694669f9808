"""`+`, `-`, `*`, `/`, `%` and the sign (cel-spec langdef, "Numeric Values"; overflow is an error)."""

import math
from collections.abc import Callable
from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.limits import MAXIMUM_RESULT_LENGTH
from apim_core.expressions.overloads import function
from apim_core.expressions.types import BYTES, DOUBLE, DURATION, INT, LIST, STRING, TIMESTAMP, UINT
from apim_core.expressions.values import INT_MAXIMUM, INT_MINIMUM, UINT_MAXIMUM, Duration, Timestamp, UInt

INT_OVERFLOW = "the result overflows a 64-bit integer"
UINT_OVERFLOW = "the result overflows an unsigned 64-bit integer"


def checked_int(number: int) -> int:
    """The number, if it fits an int; an `EvaluationError` otherwise."""
    if INT_MINIMUM <= number <= INT_MAXIMUM:
        return number
    raise EvaluationError(INT_OVERFLOW)


def checked_uint(number: int) -> UInt:
    """The number as a uint, if it fits; an `EvaluationError` otherwise."""
    if 0 <= number <= UINT_MAXIMUM:
        return UInt(number)
    raise EvaluationError(UINT_OVERFLOW)


def checked_length(length: int) -> None:
    """An `EvaluationError` if a string, bytes or list of this length must not be made."""
    if length > MAXIMUM_RESULT_LENGTH:
        raise EvaluationError(f"the result would be longer than {MAXIMUM_RESULT_LENGTH}")


def _quotient(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("division by zero")
    magnitude = abs(left) // abs(right)
    return magnitude if (left < 0) is (right < 0) else -magnitude


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("modulus by zero")
    return left - right * _quotient(left, right)


def _float_quotient(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _concatenation(left: Any, right: Any) -> Any:
    checked_length(len(left) + len(right))
    return left + right


def _list_concatenation(left: Any, right: Any) -> tuple[Any, ...]:
    checked_length(len(left) + len(right))
    return (*left, *right)


def _exact(compute: Callable[[int, int], int]) -> Callable[[int, int], int]:
    return lambda left, right: checked_int(compute(left, right))


def _unsigned(compute: Callable[[int, int], int]) -> Callable[[int, int], UInt]:
    return lambda left, right: checked_uint(compute(left, right))


def _shifted(instant: Timestamp, span: Duration) -> Timestamp:
    return Timestamp.of(instant.nanoseconds + span.nanoseconds)


_INTS, _UINTS, _DOUBLES = (INT, INT), (UINT, UINT), (DOUBLE, DOUBLE)
_SPANS, _INSTANTS = (DURATION, DURATION), (TIMESTAMP, TIMESTAMP)

ARITHMETIC = (
    function("_+_", _INTS, INT, _exact(int.__add__)),
    function("_+_", _UINTS, UINT, _unsigned(int.__add__)),
    function("_+_", _DOUBLES, DOUBLE, float.__add__),
    function("_+_", (STRING, STRING), STRING, _concatenation),
    function("_+_", (BYTES, BYTES), BYTES, _concatenation),
    function("_+_", (LIST, LIST), LIST, _list_concatenation),
    function("_+_", (TIMESTAMP, DURATION), TIMESTAMP, _shifted),
    function("_+_", (DURATION, TIMESTAMP), TIMESTAMP, lambda span, instant: _shifted(instant, span)),
    function("_+_", _SPANS, DURATION, lambda a, b: Duration.of(a.nanoseconds + b.nanoseconds)),
    function("_-_", _INTS, INT, _exact(int.__sub__)),
    function("_-_", _UINTS, UINT, _unsigned(int.__sub__)),
    function("_-_", _DOUBLES, DOUBLE, float.__sub__),
    function("_-_", (TIMESTAMP, DURATION), TIMESTAMP, lambda a, b: Timestamp.of(a.nanoseconds - b.nanoseconds)),
    function("_-_", _INSTANTS, DURATION, lambda a, b: Duration.of(a.nanoseconds - b.nanoseconds)),
    function("_-_", _SPANS, DURATION, lambda a, b: Duration.of(a.nanoseconds - b.nanoseconds)),
    function("_*_", _INTS, INT, _exact(int.__mul__)),
    function("_*_", _UINTS, UINT, _unsigned(int.__mul__)),
    function("_*_", _DOUBLES, DOUBLE, float.__mul__),
    function("_/_", _INTS, INT, _exact(_quotient)),
    function("_/_", _UINTS, UINT, _unsigned(_quotient)),
    function("_/_", _DOUBLES, DOUBLE, _float_quotient),
    function("_%_", _INTS, INT, _remainder),
    function("_%_", _UINTS, UINT, _unsigned(_remainder)),
    function("-_", (INT,), INT, lambda number: checked_int(-number)),
    function("-_", (DOUBLE,), DOUBLE, float.__neg__),
)
"""The overloads of the arithmetic operators."""
