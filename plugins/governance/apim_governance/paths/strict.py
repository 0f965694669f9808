"""Reads JSONPath as RFC 9535 has it, and no expression beyond it.

The rules of rulesets are in the dialect of Spectral, see ``parser``; this is for expressions that ask for the standard.
"""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from apim_governance.paths.strict_expression import (
    FUNCTIONS,
    Call,
    Comparison,
    Constant,
    Exists,
    Logical,
    Not,
    Query,
    Test,
)
from apim_governance.paths.syntax import Child, Descend, Index, Name, PathSyntaxError, Slice, Wildcard

__all__ = ["StrictFilter", "StrictPath", "parse_strict"]

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_NAME: Final = re.compile(r"[A-Za-z_\x80-\ud7ff\ue000-\U0010ffff][A-Za-z0-9_\x80-\ud7ff\ue000-\U0010ffff]*")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER: Final = re.compile(r"(?:-?0|-?[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_FUNCTION: Final = re.compile(r"([a-z][a-z_0-9]*)\(")
_WORD: Final = re.compile(r"(true|false|null)(?![A-Za-z0-9_(])")
_WORDS: Final = {"true": True, "false": False, "null": None}
_COMPARE: Final = re.compile(r"==|!=|<=|>=|<|>")
_PLAIN: Final = {
    "'": re.compile(r"[^\x00-\x1f'\\\ud800-\udfff]+"),
    '"': re.compile(r'[^\x00-\x1f"\\\ud800-\udfff]+'),
}
_CODE: Final = re.compile(
    r"u(?:([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|(?![dD][89a-fA-F])([0-9a-fA-F]{4}))"
)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}
_LARGEST: Final = 2**53 - 1
_LONGEST: Final = 10_000
_DEEPEST: Final = 50


@attrs.frozen
class StrictFilter:
    """Children for which a test of RFC 9535 holds."""

    test: Test


@attrs.frozen
class StrictPath:
    """A JSONPath of RFC 9535."""

    segments: tuple[Child | Descend, ...]
    text: str = attrs.field(default="", eq=False)


def parse_strict(expression: str) -> StrictPath:
    """The syntax tree. Raises PathSyntaxError."""
    if len(expression) > _LONGEST:
        raise PathSyntaxError(expression[:80], 0, f"it is longer than {_LONGEST} characters")
    return _Parser(expression).path()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    def path(self) -> StrictPath:
        self._expect("$")
        segments = self._segments()
        if self._position != len(self._text):
            raise self._error(f"{self._text[self._position]!r} is not expected")
        return StrictPath(segments, self._text)

    def _segments(self) -> tuple[Child | Descend, ...]:
        segments: list[Child | Descend] = []
        while True:
            before = self._position
            self._blank()
            if self._take(".."):
                segments.append(Descend(self._bracket() if self._take("[") else (self._short(),)))
            elif self._take("."):
                segments.append(Child((self._short(),)))
            elif self._take("["):
                segments.append(Child(self._bracket()))
            else:
                self._position = before
                return tuple(segments)

    def _short(self) -> Name | Wildcard:
        if self._take("*"):
            return Wildcard()
        found = self._match(_NAME)
        if found is None:
            raise self._error("a name is missing behind the dot")
        return Name(found[0])

    def _bracket(self) -> tuple[Any, ...]:
        selectors = []
        while True:
            self._blank()
            selectors.append(self._selector())
            self._blank()
            if not self._take(","):
                self._expect("]")
                return tuple(selectors)

    def _selector(self) -> Name | Wildcard | Index | Slice | StrictFilter:
        if self._take("*"):
            return Wildcard()
        if self._take("?"):
            self._blank()
            return StrictFilter(self._any())
        if self._peek("'", '"'):
            return Name(self._string())
        start = self._integer()
        before = self._position
        self._blank()
        if self._take(":"):
            return self._slice(start)
        self._position = before
        if start is None:
            raise self._error("a name, a number, *, a slice or a filter is missing")
        return Index(start)

    def _slice(self, start: int | None) -> Slice:
        self._blank()
        stop = self._integer()
        before = self._position
        self._blank()
        step = None
        if self._take(":"):
            self._blank()
            step = self._integer()
        elif stop is not None:
            self._position = before
        return Slice(start, stop, step)

    def _integer(self) -> int | None:
        found = self._match(_INTEGER)
        if found is None:
            return None
        if self._peek(*"0123456789"):
            raise self._error("numbers do not begin with 0")
        if len(found[0]) > 17 or abs(int(found[0])) > _LARGEST:
            raise self._error(f"numbers are not beyond {_LARGEST}")
        return int(found[0])

    def _string(self) -> str:
        quote = self._text[self._position]
        self._position += 1
        parts: list[str] = []
        while not self._take(quote):
            if (found := self._match(_PLAIN[quote])) is not None:
                parts.append(found[0])
            elif self._take("\\"):
                parts.append(self._escaped(quote))
            else:
                raise self._error(f"{quote} is missing, or what stands here must be escaped")
        return "".join(parts)

    def _escaped(self, quote: str) -> str:
        if self._take(quote):
            return quote
        if (found := self._match(_CODE)) is not None:
            if found[3] is not None:
                return chr(int(found[3], 16))
            return chr(0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00)
        sign = self._text[self._position : self._position + 1]
        if sign not in _ESCAPES:
            raise self._error(f"there is no escape \\{sign}")
        self._position += 1
        return _ESCAPES[sign]

    # Filters

    def _any(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep")
        operands = [self._all()]
        while self._behind_blank("||"):
            operands.append(self._all())
        self._depth -= 1
        return operands[0] if len(operands) == 1 else Logical(False, tuple(operands))

    def _all(self) -> Test:
        operands = [self._basic()]
        while self._behind_blank("&&"):
            operands.append(self._basic())
        return operands[0] if len(operands) == 1 else Logical(True, tuple(operands))

    def _basic(self) -> Test:
        negated = self._take("!")
        if negated:
            self._blank()
        if self._take("("):
            self._blank()
            test = self._any()
            self._blank()
            self._expect(")")
            return Not(test) if negated else test
        operand = self._operand()
        before = self._position
        self._blank()
        operator = self._match(_COMPARE)
        if operator is not None and not negated:
            self._blank()
            return Comparison(operator[0], self._comparable(operand), self._comparable(self._operand()))
        self._position = before
        test = self._test(operand)
        return Not(test) if negated else test

    def _test(self, operand: Query | Constant | Call) -> Test:
        if isinstance(operand, Query):
            return Exists(operand)
        if isinstance(operand, Call) and FUNCTIONS[operand.name].is_test:
            return operand
        raise self._error("what is here is a value, and must be compared with another one")

    def _comparable(self, operand: Query | Constant | Call) -> Query | Constant | Call:
        if isinstance(operand, Query) and not operand.is_singular:
            raise self._error("only queries that find one node at most can be compared")
        if isinstance(operand, Call) and FUNCTIONS[operand.name].is_test:
            raise self._error(f"{operand.name}() is a test, and cannot be compared")
        return operand

    def _operand(self) -> Query | Constant | Call:
        if self._peek("@", "$"):
            relative = self._text[self._position] == "@"
            self._position += 1
            return Query(relative, self._segments())
        if self._peek("'", '"'):
            return Constant(self._string())
        if (found := self._match(_WORD)) is not None:
            return Constant(_WORDS[found[1]])
        if (found := self._match(_NUMBER)) is not None:
            return Constant(float(found[0]) if found[1] or found[2] else int(found[0]))
        if (found := self._match(_FUNCTION)) is not None:
            return self._call(found[1])
        raise self._error("a query, a literal or a function is missing")

    def _call(self, name: str) -> Call:
        function = FUNCTIONS.get(name)
        if function is None:
            raise self._error(f"there is no function {name}()")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep")
        arguments: list[Query | Constant | Call] = []
        for index, of_nodes in enumerate(function.of_nodes):
            self._blank()
            if index:
                self._expect(",")
                self._blank()
            argument = self._operand()
            if of_nodes and not isinstance(argument, Query):
                raise self._error(f"{name}() takes a query")
            arguments.append(argument if of_nodes else self._comparable(argument))
        self._blank()
        self._expect(")")
        self._depth -= 1
        return Call(name, tuple(arguments))

    # Characters

    def _behind_blank(self, sign: str) -> bool:
        before = self._position
        self._blank()
        if self._take(sign):
            self._blank()
            return True
        self._position = before
        return False

    def _blank(self) -> None:
        self._match(_BLANK)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def _peek(self, *signs: str) -> bool:
        return self._text.startswith(signs, self._position)

    def _take(self, sign: str) -> bool:
        taken = self._text.startswith(sign, self._position)
        if taken:
            self._position += len(sign)
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign!r} is missing")

    def _error(self, reason: str) -> PathSyntaxError:
        return PathSyntaxError(self._text, self._position, reason)
