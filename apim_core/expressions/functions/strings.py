"""Functions on strings: those of the standard definitions, `matches` (RE2, linear time) and the strings extension."""

from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.functions.arithmetic import checked_length
from apim_core.expressions.functions.formatting import format_text
from apim_core.expressions.overloads import function, method
from apim_core.expressions.patterns import compile_pattern, search
from apim_core.expressions.types import BOOL, INT, LIST, STRING

_TRIMMED = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_QUOTED = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)
_UPPER = str.maketrans({chr(code): chr(code - 32) for code in range(ord("a"), ord("z") + 1)})
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def _matches(text: str, pattern: str) -> bool:
    return search(text, compile_pattern(pattern))


def _checked_index(index: int, length: int) -> int:
    if 0 <= index <= length:
        return index
    raise EvaluationError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    position = _checked_index(index, len(text))
    return text[position : position + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    return text.find(part, _checked_index(start, len(text)))


def _last_index_of(text: str, part: str, start: int) -> int:
    return text.rfind(part, 0, _checked_index(start, len(text)) + len(part))


def _join(elements: Any, separator: str = "") -> str:
    if not all(isinstance(each, str) for each in elements):
        raise EvaluationError("no such overload: join() on a list with elements that are no strings")
    checked_length(sum(map(len, elements)) + len(separator) * len(elements))
    return separator.join(elements)


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = text.count(old) if count < 0 else min(text.count(old), count)
    checked_length(len(text) + found * (len(new) - len(old)))
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> tuple[str, ...]:
    if count == 0:
        return ()
    if separator:
        return tuple(text.split(separator, count - 1 if count > 0 else -1))
    if count < 0 or count >= len(text):
        return tuple(text)
    return (*text[: count - 1], text[count - 1 :])


def _substring(text: str, start: int, end: int | None = None) -> str:
    finish = len(text) if end is None else end
    _checked_index(start, len(text))
    _checked_index(finish, len(text))
    if start > finish:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {finish}")
    return text[start:finish]


def _quote(text: str) -> str:
    return '"' + text.encode("utf-8", "replace").decode().translate(_QUOTED) + '"'


STRINGS = (
    method("contains", (STRING, STRING), BOOL, str.__contains__),
    method("startsWith", (STRING, STRING), BOOL, str.startswith),
    method("endsWith", (STRING, STRING), BOOL, str.endswith),
    method("matches", (STRING, STRING), BOOL, _matches),
    function("matches", (STRING, STRING), BOOL, _matches),
    method("charAt", (STRING, INT), STRING, _char_at),
    method("indexOf", (STRING, STRING), INT, _index_of),
    method("indexOf", (STRING, STRING, INT), INT, _index_of),
    method("lastIndexOf", (STRING, STRING), INT, str.rfind),
    method("lastIndexOf", (STRING, STRING, INT), INT, _last_index_of),
    method("join", (LIST,), STRING, _join),
    method("join", (LIST, STRING), STRING, _join),
    function("strings.quote", (STRING,), STRING, _quote),
    method("replace", (STRING, STRING, STRING), STRING, _replace),
    method("replace", (STRING, STRING, STRING, INT), STRING, _replace),
    method("split", (STRING, STRING), LIST, _split),
    method("split", (STRING, STRING, INT), LIST, _split),
    method("substring", (STRING, INT), STRING, _substring),
    method("substring", (STRING, INT, INT), STRING, _substring),
    method("trim", (STRING,), STRING, lambda text: text.strip(_TRIMMED)),
    method("lowerAscii", (STRING,), STRING, lambda text: text.translate(_LOWER)),
    method("upperAscii", (STRING,), STRING, lambda text: text.translate(_UPPER)),
    method("reverse", (STRING,), STRING, lambda text: text[::-1]),
    method("format", (STRING, LIST), STRING, format_text),
)
"""The overloads of the functions on strings."""
