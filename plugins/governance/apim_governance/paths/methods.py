"""The methods of texts and lists that filter expressions may call, with the meaning that they have in JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apim_governance.ecmascript import compile_expression
from apim_governance.paths.expression import Pattern
from apim_governance.paths.javascript import UNDEFINED, UndefinedMember, number_of, same, text_of

__all__ = ["NAMES", "method"]

Method = Callable[[Any, list[Any]], Any]


def method(name: str) -> Method:
    """What ``of.name(arguments)`` calls, with ``of`` first; it raises UndefinedMember where that has no such method."""
    of_text, of_list = _TEXT.get(name), _LIST.get(name)

    def call(of: Any, arguments: list[Any]) -> Any:
        if isinstance(of, str) and of_text is not None:
            return of_text(of, arguments)
        if isinstance(of, list) and of_list is not None:
            return of_list(of, arguments)
        if isinstance(of, Pattern) and name == "test":
            return compile_expression(of.source, of.flags).test(text_of(_first(arguments)))
        if name == "toString" and of is not None and of is not UNDEFINED:
            return text_of(of)
        if name == "hasOwnProperty" and isinstance(of, dict):
            return text_of(_first(arguments)) in of
        raise UndefinedMember(f"{text_of(of)} has no method {name}")

    return call


def _first(arguments: list[Any]) -> Any:
    return arguments[0] if arguments else UNDEFINED


def _matched(text: str, arguments: list[Any]) -> Any:
    pattern = _first(arguments)
    if isinstance(pattern, Pattern):
        return compile_expression(pattern.source, pattern.flags.replace("g", "")).groups(text)
    return compile_expression("" if pattern is UNDEFINED else text_of(pattern)).groups(text)


def _bounds(length: int, arguments: list[Any]) -> tuple[int, int]:
    """What ``slice`` is given, as numbers that count from the start."""
    numbers = [0, length]
    for index, argument in enumerate(arguments[:2]):
        if argument is not UNDEFINED:
            number = number_of(argument)
            number = 0.0 if number != number else max(min(number, float(length)), float(-length))
            numbers[index] = int(number) + (length if number < 0 else 0)
    return numbers[0], numbers[1]


def _sliced(of: Any, arguments: list[Any]) -> Any:
    start, stop = _bounds(len(of), arguments)
    return of[start:stop]


def _substring(text: str, arguments: list[Any]) -> str:
    places = [min(max(int(number_of(each)), 0), len(text)) for each in arguments[:2] if each is not UNDEFINED]
    start, stop = (*places, *(0, len(text))[len(places) :])
    return text[min(start, stop) : max(start, stop)]


def _at(of: Any, arguments: list[Any]) -> Any:
    index = int(number_of(_first(arguments)) or 0)
    return of[index] if -len(of) <= index < len(of) else UNDEFINED


def _character(text: str, arguments: list[Any]) -> str:
    index = int(number_of(_first(arguments)) or 0) if arguments else 0
    return text[index] if 0 <= index < len(text) else ""


def _split(text: str, arguments: list[Any]) -> list[str]:
    separator = _first(arguments)
    if separator is UNDEFINED:
        return [text]
    return text.split(text_of(separator)) if separator != "" else list(text)


def _index(items: list[Any], arguments: list[Any]) -> int:
    wanted = _first(arguments)
    return next((index for index, item in enumerate(items) if same(item, wanted)), -1)


def _last_index(items: list[Any], arguments: list[Any]) -> int:
    wanted = _first(arguments)
    return next((index for index in range(len(items) - 1, -1, -1) if same(items[index], wanted)), -1)


_TEXT: Final[dict[str, Method]] = {
    "match": _matched,
    "includes": lambda text, arguments: text_of(_first(arguments)) in text,
    "indexOf": lambda text, arguments: text.find(text_of(_first(arguments))),
    "lastIndexOf": lambda text, arguments: text.rfind(text_of(_first(arguments))),
    "startsWith": lambda text, arguments: text.startswith(text_of(_first(arguments))),
    "endsWith": lambda text, arguments: text.endswith(text_of(_first(arguments))),
    "toLowerCase": lambda text, arguments: text.lower(),
    "toUpperCase": lambda text, arguments: text.upper(),
    "trim": lambda text, arguments: text.strip(),
    "slice": _sliced,
    "substring": _substring,
    "charAt": _character,
    "at": _at,
    "concat": lambda text, arguments: text + "".join(map(text_of, arguments)),
    "split": _split,
    "replace": lambda text, arguments: text.replace(text_of(_first(arguments)), text_of((*arguments, "", "")[1]), 1),
}
_LIST: Final[dict[str, Method]] = {
    "includes": lambda items, arguments: _index(items, arguments) >= 0,
    "indexOf": _index,
    "lastIndexOf": _last_index,
    "slice": _sliced,
    "at": _at,
    "concat": lambda items, arguments: [
        *items,
        *(item for each in arguments for item in (each if isinstance(each, list) else [each])),
    ],
    "join": lambda items, arguments: (text_of(arguments[0]) if arguments else ",").join(
        "" if item is None else text_of(item) for item in items
    ),
}
NAMES: Final = frozenset((*_TEXT, *_LIST, "test", "toString", "hasOwnProperty"))
"""Every method there is."""
