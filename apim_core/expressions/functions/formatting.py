"""`format`: fills the clauses of a format string, `%s` `%d` `%f` `%e` `%b` `%o` `%x` `%X` (the strings extension)."""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.functions.arithmetic import checked_length
from apim_core.expressions.functions.conversions import format_double
from apim_core.expressions.functions.time import format_duration, format_timestamp
from apim_core.expressions.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    LIST,
    MAP,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
)
from apim_core.expressions.values import native, type_of

_CLAUSE = re.compile(r"%(?:(?P<percent>%)|(?:\.(?P<precision>[0-9]{1,4}))?(?P<clause>.?))", re.DOTALL)
_LARGEST_PRECISION = 1000
_DEFAULT_PRECISION = 6


def format_text(template: str, arguments: Any) -> str:
    """The template with its clauses filled from the list; an `EvaluationError` if they do not fit."""
    made: list[str] = []
    length = position = used = 0
    for clause in _CLAUSE.finditer(template):
        made.append(template[position : clause.start()])
        position = clause.end()
        if clause["percent"]:
            made.append("%")
        else:
            if used >= len(arguments):
                raise EvaluationError(f"format: index {used} out of range: there are {len(arguments)} arguments")
            made.append(_fill(clause, native(arguments[used])))
            used += 1
        length += len(made[-1]) + len(made[-2])
        checked_length(length)
    return "".join(made) + template[position:]


def _fill(clause: re.Match[str], value: Any) -> str:
    letter = clause["clause"]
    if letter in ("e", "f"):
        precision = int(clause["precision"] or _DEFAULT_PRECISION)
        if precision > _LARGEST_PRECISION:
            raise EvaluationError(f"format: a precision is at most {_LARGEST_PRECISION}")
        return _fractional(value, precision, letter)
    filler = _FILLERS.get(letter)
    if filler is None or clause["precision"]:
        raise EvaluationError(
            f"format: could not parse formatting clause: unrecognized formatting clause {clause[0]!a}"
        )
    return filler(value)


def _wrong(clause: str, value: Any) -> EvaluationError:
    return EvaluationError(f"error during formatting: {clause}, was given {type_of(value)}")


def _fractional(value: Any, precision: int, letter: str) -> str:
    if type_of(value) not in (INT, UINT, DOUBLE):
        name = "scientific" if letter == "e" else "fixed-point"
        raise _wrong(f"{name} clause can only be used on doubles", value)
    number = float(value)
    return f"{number:.{precision}{letter}}" if math.isfinite(number) else format_double(number)


def _decimal(value: Any) -> str:
    kind = type_of(value)
    if kind is DOUBLE and not math.isfinite(value):
        return format_double(value)
    if kind not in (INT, UINT):
        raise _wrong("decimal clause can only be used on integers", value)
    return int.__repr__(value)


def _binary(value: Any) -> str:
    if type_of(value) not in (INT, UINT, BOOL):
        raise _wrong("only integers and bools can be formatted as binary", value)
    return f"{int(value):b}"


def _octal(value: Any) -> str:
    if type_of(value) not in (INT, UINT):
        raise _wrong("octal clause can only be used on integers", value)
    return f"{int(value):o}"


def _hexadecimal(value: Any) -> str:
    kind = type_of(value)
    if kind is STRING:
        return str(value.encode("utf-8", "surrogatepass").hex())
    if kind is BYTES:
        return str(value.hex())
    if kind not in (INT, UINT):
        raise _wrong("only integers, byte buffers, and strings can be formatted as hex", value)
    return f"{int(value):x}"


def _text(value: Any) -> str:
    shown = _TEXTS.get(type_of(value))
    if shown is None:
        raise _wrong(
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, "
            "and timestamps",
            value,
        )
    return shown(native(value))


def _list(elements: Any) -> str:
    return "[" + _joined(map(_text, elements)) + "]"


def _map(entries: Any) -> str:
    shown = sorted((_text(key), _text(entries[key])) for key in entries)
    return "{" + _joined(f"{key}: {value}" for key, value in shown) + "}"


def _joined(parts: Iterable[str]) -> str:
    made: list[str] = []
    length = 0
    for part in parts:
        made.append(part)
        length += len(part)
        checked_length(length)
    return ", ".join(made)


_TEXTS: dict[Any, Callable[[Any], str]] = {
    STRING: lambda text: text,
    BOOL: lambda value: "true" if value else "false",
    INT: int.__repr__,
    UINT: int.__repr__,
    DOUBLE: format_double,
    BYTES: lambda data: data.decode("utf-8", "replace"),
    NULL: lambda _: "null",
    TYPE: str,
    TIMESTAMP: format_timestamp,
    DURATION: format_duration,
    LIST: _list,
    MAP: _map,
}
_FILLERS: dict[str, Callable[[Any], str]] = {
    "s": _text,
    "d": _decimal,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value: _hexadecimal(value).upper(),
}
