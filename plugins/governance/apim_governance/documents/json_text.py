"""JSON documents: read by the fast reader of the standard library; where things stand is found when somebody asks.

A scan finds which bracket closes which, once. To find a path, only the members of the containers on the way are read,
and what they hold is jumped over.

JSON is YAML, too, and Spectral's command reads it as such; then a mapping or a list begins right behind its name, and
ends with the last thing in it, as ``yaml_text`` says.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from apim_sdk.governance import JSONPath

from apim_governance.documents.limits import MOST_VALUES
from apim_governance.documents.numbers import number
from apim_governance.documents.pointers import Link, path_of

__all__ = ["Duplicate", "JSONError", "JSONPositions", "read_json"]

_BRACKETS: Final = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_TEXT: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string that nothing may close, so that a search for it passes every sign once."""
_SCALAR: Final = re.compile(r"[^\s,\]}]++")

Span = tuple[int, int]
Duplicate = tuple[JSONPath, Span]
"""A name that a mapping has again: the path, and where the name stands."""


class JSONError(ValueError):
    """What is no JSON: ``reason``, and the ``offset`` where that shows."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def read_json(text: str) -> tuple[Any, bool, int]:
    """The data of a JSON text; whether any mapping has a name twice; how many values there are at most.

    Raises JSONError.
    """
    values = _signs(text)
    if values > MOST_VALUES:
        values = _signs(_TEXT.sub("", text))
    if values > MOST_VALUES:
        raise JSONError(f"it has more than {MOST_VALUES:,} values", 0)
    twice = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        made = dict(pairs)
        if len(made) != len(pairs):
            twice = True
        return made

    try:
        data = json.loads(text, object_pairs_hook=mapping, parse_float=number, parse_constant=_no_constant)
    except JSONError:
        raise
    except json.JSONDecodeError as error:
        raise JSONError(error.msg, error.pos) from None
    except RecursionError:
        raise JSONError("it is nested too deeply", 0) from None
    except ValueError:  # json.loads has no other but of a number that is too long, which it gives no place of
        raise JSONError(f"a number has more than {sys.get_int_max_str_digits():,} digits", 0) from None
    return data, twice, values


def _signs(text: str) -> int:
    """As many values as a text has at most: one, and one behind each of these signs."""
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _no_constant(name: str) -> Any:
    raise JSONError(f"{name} is no JSON", 0)


class JSONPositions:
    """Where values stand in a JSON text that has been read."""

    def __init__(self, text: str, as_yaml: bool = False) -> None:
        self._text = text
        self._as_yaml = as_yaml
        self._closing: dict[int, int] = {}
        opened: list[int] = []
        end = 0
        while (found := _BRACKETS.match(text, end)) is not None:  # a search would begin anew at every sign of the rest
            end = found.end()
            offset = end - 1
            if text[offset] in "{[":
                opened.append(offset)
            elif opened:  # a document that is one text may have any in it
                self._closing[opened.pop()] = offset
        self._members: dict[int, dict[str, tuple[Span | None, Span]]] = {}

    def span(self, path: JSONPath, closest: bool) -> Span | None:
        """From the first character of a value to behind its last; of its closest holder, if it is not there."""
        name, span = None, self._value(_skip(self._text, 0))
        for part in path:
            inner = self._inside(span[0]).get(str(part))
            if inner is None:
                if closest:
                    break
                return None
            name, span = inner
        return self._as_in_yaml(name, span) if self._as_yaml else span

    def _as_in_yaml(self, name: Span | None, span: Span) -> Span:
        start, end = span
        if self._text[start] in "{[" and name is not None:
            start = name[1] + 1
        if name is None and start == self._text.find("\n") + 1 and start == _skip(self._text, 0):
            start = 0
        last = span
        while self._text[last[0]] in "{[" and (members := self._inside(last[0])):
            _, last = next(reversed(members.values()))
            end = last[1]
        return start, end

    def duplicates(self) -> Iterator[Duplicate]:
        """Every name that its mapping already has."""
        waiting: list[tuple[Link, int]] = [((), _skip(self._text, 0))]
        while waiting:
            link, offset = waiting.pop()
            seen: set[str] = set()
            for name, name_span, (start, _) in self._read(offset):
                if name_span is not None and name in seen:
                    yield path_of((link, name)), name_span
                seen.add(name)
                if self._text[start] in "{[":
                    waiting.append(((link, name), start))

    def _inside(self, offset: int) -> dict[str, tuple[Span | None, Span]]:
        """The members of the container at an offset by name or number: their names, and they. The last of its name."""
        known = self._members.get(offset)
        if known is None:
            known = {name: (name_span, span) for name, name_span, span in self._read(offset)}
            self._members[offset] = known
        return known

    def _read(self, offset: int) -> Iterator[tuple[str, Span | None, Span]]:
        text = self._text
        if text[offset] not in "{[":
            return
        end = self._closing[offset]
        mapping = text[offset] == "{"
        position = _skip(text, offset + 1)
        number = 0
        while position < end:
            name, name_span = str(number), None
            if mapping:
                found = _STRING.match(text, position)
                assert found is not None
                name, name_span = json.loads(found[0]), found.span()
                position = _skip(text, _skip(text, found.end()) + 1)
            span = self._value(position)
            yield name, name_span, span
            number += 1
            position = _skip(text, _skip(text, span[1]) + 1)

    def _value(self, offset: int) -> Span:
        text = self._text
        if text[offset] in "{[":
            return offset, self._closing[offset] + 1
        found = (_STRING if text[offset] == '"' else _SCALAR).match(text, offset)
        assert found is not None
        return found.span()


def _skip(text: str, offset: int) -> int:
    found = _SPACE.match(text, offset)
    assert found is not None
    return found.end()
