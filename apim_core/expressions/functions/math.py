"""The `math.` functions (the math extension of cel-go)."""

import math
from collections.abc import Callable
from typing import Any

from apim_core.expressions.equality import NUMBERS
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.functions.arithmetic import checked_int
from apim_core.expressions.overloads import Overload, function
from apim_core.expressions.types import BOOL, DOUBLE, DYN, INT, UINT
from apim_core.expressions.values import INT_MAXIMUM, UINT_MAXIMUM, UInt, native, type_of

_MOST_EXTREMES = 16
"""With how many arguments `math.least` and `math.greatest` can be called; a list may be longer."""


def _extreme(name: str, choose: Callable[..., Any]) -> tuple[Overload, ...]:
    def of_numbers(*numbers: Any) -> Any:
        values = [native(each) for each in numbers]
        wrong = [type_of(each).name for each in values if type(each) not in NUMBERS]
        if wrong or not values:
            raise EvaluationError(f"no such overload: {name}({wrong[0] if wrong else 'empty list'})")
        return choose(values)

    def of_one(value: Any) -> Any:
        return of_numbers(*value) if isinstance(value, (list, tuple)) else of_numbers(value)

    several = (function(name, (DYN,) * count, DYN, of_numbers) for count in range(2, _MOST_EXTREMES + 1))
    return function(name, (DYN,), DYN, of_one), *several


def _rounding(name: str, compute: Callable[[float], int]) -> Overload:
    def apply(number: float) -> float:
        return math.copysign(float(compute(number)), number) if math.isfinite(number) else number

    return function(name, (DOUBLE,), DOUBLE, apply)


def _half_away_from_zero(number: float) -> int:
    whole = math.floor(abs(number))
    rounded = whole + (abs(number) - whole >= 0.5)
    return rounded if number >= 0 else -rounded


def _sign(number: float) -> float:
    return number if math.isnan(number) else float((number > 0) - (number < 0))


def _root(number: float) -> float:
    return math.sqrt(number) if number >= 0 else math.nan


def _shift_left(number: int, count: int) -> int:
    return (number << _checked_shift(count)) & UINT_MAXIMUM if count < 64 else 0


def _shift_right(number: int, count: int) -> int:
    return (number & UINT_MAXIMUM) >> _checked_shift(count) if count < 64 else 0


def _checked_shift(count: int) -> int:
    if count < 0:
        raise EvaluationError(f"negative offset: a shift by {count}")
    return count


def _signed(bits: int) -> int:
    return bits - (UINT_MAXIMUM + 1) if bits > INT_MAXIMUM else bits


def _bitwise(name: str, compute: Callable[[int, int], int]) -> tuple[Overload, Overload]:
    return (
        function(name, (INT, INT), INT, compute),
        function(name, (UINT, UINT), UINT, lambda left, right: UInt(compute(left, right))),
    )


def _shift(name: str, compute: Callable[[int, int], int]) -> tuple[Overload, Overload]:
    return (
        function(name, (INT, INT), INT, lambda number, count: _signed(compute(number, count))),
        function(name, (UINT, INT), UINT, lambda number, count: UInt(compute(number, count))),
    )


MATH = (
    *_extreme("math.greatest", max),
    *_extreme("math.least", min),
    _rounding("math.ceil", math.ceil),
    _rounding("math.floor", math.floor),
    _rounding("math.round", _half_away_from_zero),
    _rounding("math.trunc", math.trunc),
    function("math.isNaN", (DOUBLE,), BOOL, math.isnan),
    function("math.isInf", (DOUBLE,), BOOL, math.isinf),
    function("math.isFinite", (DOUBLE,), BOOL, math.isfinite),
    function("math.abs", (INT,), INT, lambda number: checked_int(abs(number))),
    function("math.abs", (UINT,), UINT, lambda number: number),
    function("math.abs", (DOUBLE,), DOUBLE, abs),
    function("math.sign", (INT,), INT, lambda number: (number > 0) - (number < 0)),
    function("math.sign", (UINT,), UINT, lambda number: UInt(number > 0)),
    function("math.sign", (DOUBLE,), DOUBLE, _sign),
    function("math.sqrt", (INT,), DOUBLE, _root),
    function("math.sqrt", (UINT,), DOUBLE, _root),
    function("math.sqrt", (DOUBLE,), DOUBLE, _root),
    *_bitwise("math.bitAnd", int.__and__),
    *_bitwise("math.bitOr", int.__or__),
    *_bitwise("math.bitXor", int.__xor__),
    function("math.bitNot", (INT,), INT, int.__invert__),
    function("math.bitNot", (UINT,), UINT, lambda number: UInt(~number & UINT_MAXIMUM)),
    *_shift("math.bitShiftLeft", _shift_left),
    *_shift("math.bitShiftRight", _shift_right),
)
"""The overloads of the `math.` functions."""
