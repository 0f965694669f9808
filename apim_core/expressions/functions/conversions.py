"""Conversions between types: `int("7")`, `string(4.5)` ... (cel-spec langdef, "Standard Definitions")."""

import math
import re
from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.functions.arithmetic import checked_int, checked_uint
from apim_core.expressions.functions.time import format_duration, format_timestamp
from apim_core.expressions.overloads import function
from apim_core.expressions.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    INT,
    IP,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
)
from apim_core.expressions.values import NANOSECONDS, UInt, describe

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:NaN|Inf|Infinity)")
_TRUE = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "false", "FALSE", "False"})


def format_double(number: float) -> str:
    """The shortest decimal that reads back as the same double: `1.5`, `100`, `1e+21`, `NaN`, `-Infinity`."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    shown = repr(number)
    if "e" in shown and 1e-4 <= abs(number) < 1e21:
        shown = f"{number:.0f}"
    return shown.removesuffix(".0")


def _double_to_int(number: float) -> int:
    if not abs(number) < 2.0**63:
        raise EvaluationError(f"range error: {format_double(number)} does not fit an int")
    return int(number)


def _double_to_uint(number: float) -> UInt:
    if not 0 <= number < 2.0**64:
        raise EvaluationError(f"range error: {format_double(number)} does not fit a uint")
    return UInt(number)


def _int_to_uint(number: int) -> UInt:
    return checked_uint(number)


def _text_to_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise EvaluationError(f"type conversion error: {describe(text)} is no integer")
    return int(text)


def _text_to_double(text: str) -> float:
    if not _DOUBLE.fullmatch(text):
        raise EvaluationError(f"type conversion error: {describe(text)} is no number")
    return float(text)


def _text_to_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise EvaluationError(f"type conversion error: {describe(text)} is no bool")


def _text_to_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EvaluationError(f"{describe(text)} has no UTF-8 form") from None


def _bytes_to_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvaluationError("the bytes are invalid UTF-8") from None


def _same(value: Any) -> Any:
    return value


CONVERSIONS = (
    function("bool", (BOOL,), BOOL, _same),
    function("bool", (STRING,), BOOL, _text_to_bool),
    function("int", (INT,), INT, _same),
    function("int", (UINT,), INT, lambda number: checked_int(int(number))),
    function("int", (DOUBLE,), INT, _double_to_int),
    function("int", (STRING,), INT, lambda text: checked_int(_text_to_integer(text))),
    function("int", (TIMESTAMP,), INT, lambda instant: instant.nanoseconds // NANOSECONDS),
    function("uint", (UINT,), UINT, _same),
    function("uint", (INT,), UINT, checked_uint),
    function("uint", (DOUBLE,), UINT, _double_to_uint),
    function("uint", (STRING,), UINT, lambda text: checked_uint(_text_to_integer(text))),
    function("double", (DOUBLE,), DOUBLE, _same),
    function("double", (INT,), DOUBLE, float),
    function("double", (UINT,), DOUBLE, float),
    function("double", (STRING,), DOUBLE, _text_to_double),
    function("string", (STRING,), STRING, _same),
    function("string", (BOOL,), STRING, lambda value: "true" if value else "false"),
    function("string", (INT,), STRING, int.__repr__),
    function("string", (UINT,), STRING, int.__repr__),
    function("string", (DOUBLE,), STRING, format_double),
    function("string", (BYTES,), STRING, _bytes_to_text),
    function("string", (TIMESTAMP,), STRING, format_timestamp),
    function("string", (DURATION,), STRING, format_duration),
    function("string", (TYPE,), STRING, str),
    function("string", (IP,), STRING, str),
    function("string", (CIDR,), STRING, str),
    function("bytes", (BYTES,), BYTES, _same),
    function("bytes", (STRING,), BYTES, _text_to_bytes),
)
"""The overloads of `bool`, `int`, `uint`, `double`, `string` and `bytes`."""
