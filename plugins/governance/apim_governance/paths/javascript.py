"""What values mean in JavaScript, as filters see them: truth, equality, comparison, members.

Data is that of JSON: None is ``null``, ``UNDEFINED`` what is not there. Numbers are doubles.
"""

from __future__ import annotations

import math
from typing import Any, Final

__all__ = [
    "UNDEFINED",
    "Undefined",
    "UndefinedMember",
    "arithmetic",
    "less",
    "loosely_equal",
    "member",
    "number_of",
    "same",
    "text_of",
    "truthy",
    "type_of",
]


class Undefined:
    """The one value that stands for nothing."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()


class UndefinedMember(Exception):
    """A member of ``null`` or ``undefined`` was asked for, which is an error in JavaScript."""


def truthy(value: Any) -> bool:
    """Whether a value counts as true. Empty lists and mappings do."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, list | dict):
        return True
    return bool(value) and value == value


def type_of(value: Any) -> str:
    """``typeof value``."""
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def same(left: Any, right: Any) -> bool:
    """``left === right``: of one type and equal; lists and mappings only if they are the same one."""
    if left is right:
        return bool(left == left)
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if isinstance(left, int | float):
        return isinstance(right, int | float) and left == right
    return False


def loosely_equal(left: Any, right: Any) -> bool:
    """``left == right``: ``null`` and ``undefined`` are equal, texts and booleans are compared with numbers as such."""
    nothing = left is None or left is UNDEFINED
    if nothing or right is None or right is UNDEFINED:
        return nothing and (right is None or right is UNDEFINED)
    if type_of(left) == type_of(right):
        return same(left, right)
    if isinstance(left, list | dict):
        left = text_of(left)
    if isinstance(right, list | dict):
        right = text_of(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return number_of(left) == number_of(right)


def less(left: Any, right: Any) -> bool | None:
    """``left < right``; None where they cannot be compared, so that every comparison is false."""
    if isinstance(left, list | dict):
        left = text_of(left)
    if isinstance(right, list | dict):
        right = text_of(right)
    if isinstance(left, str) and isinstance(right, str):
        return left.encode("utf-16-be", "surrogatepass") < right.encode("utf-16-be", "surrogatepass")
    first, second = number_of(left), number_of(right)
    if math.isnan(first) or math.isnan(second):
        return None
    return first < second


def number_of(value: Any) -> float:
    """``Number(value)``."""
    if value is None or value is False:
        return 0.0
    if value is True:
        return 1.0
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if value is UNDEFINED:
        return math.nan
    text = text_of(value).strip()
    if not text:
        return 0.0
    try:
        if text[:2].lower() in ("0x", "0o", "0b"):
            return float(int(text, 0))
        if "_" in text or text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            return math.inf if text in ("Infinity", "+Infinity") else -math.inf if text == "-Infinity" else math.nan
        return float(text)
    except (ValueError, OverflowError):
        return math.nan


def text_of(value: Any) -> str:
    """``String(value)``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if -_EXACT <= value <= _EXACT:
            return str(value)
        value = number_of(value)
    if isinstance(value, float):
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        if math.isnan(value):
            return "NaN"
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None or item is UNDEFINED else text_of(item) for item in value)
    return "undefined" if value is UNDEFINED else "[object Object]"


def _number_text(value: float) -> str:
    """A finite number as ECMAScript writes it (ECMA-262, Number::toString): with an exponent from 1e21 on, and below
    1e-6."""
    size = abs(value)
    if value == int(value) and size <= _EXACT:
        return str(int(value))
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits.removesuffix(".0")
    if size < 1e21 and size > 1:
        return digits.replace(".", "").ljust(int(exponent) + 1 + (value < 0), "0")
    if 1e-6 <= size < 1e-4:
        return f"{value:.{len(digits.lstrip('-').replace('.', '')) - 1 - int(exponent)}f}"
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """``+ - * / %``."""
    if operator == "+" and not (_is_number_like(left) and _is_number_like(right)):
        return text_of(left) + text_of(right)
    first, second = number_of(left), number_of(right)
    if operator == "+":
        return first + second
    if operator == "-":
        return first - second
    if operator == "*":
        return first * second
    if second == 0.0 or math.isnan(first) or math.isnan(second):
        if operator == "%" or first == 0.0 or math.isnan(first) or math.isnan(second):
            return math.nan
        return math.copysign(math.inf, first) * math.copysign(1.0, second)
    return first / second if operator == "/" else math.fmod(first, second)


def _is_number_like(value: Any) -> bool:
    return not isinstance(value, str | list | dict)


_EXACT: Final = 2**53
"""Whole numbers up to here are what they are as doubles."""
_CONSTRUCTORS: Final = {"string": "String", "number": "Number", "boolean": "Boolean"}


def member(of: Any, name: Any) -> Any:
    """``of[name]``. Raises UndefinedMember for a member of nothing."""
    if isinstance(of, dict):
        key = name if isinstance(name, str) else text_of(name)
        if key in of:
            return of[key]
        return {"name": "Object"} if key == "constructor" else UNDEFINED
    if of is None or of is UNDEFINED:
        raise UndefinedMember(f"{of!r} has no member {text_of(name)!r}")
    if isinstance(of, list | str):
        if name == "length":
            return len(of) if isinstance(of, list) else len(of.encode("utf-16-le", "surrogatepass")) // 2
        number = number_of(name) if not isinstance(name, str) or name.isdigit() else math.nan
        if number == number and 0 <= number < len(of) and number == int(number):
            return of[int(number)]
        if name == "constructor":
            return {"name": "Array" if isinstance(of, list) else "String"}
        return UNDEFINED
    return {"name": _CONSTRUCTORS[type_of(of)]} if name == "constructor" else UNDEFINED
