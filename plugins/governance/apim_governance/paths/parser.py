"""Reads the JSONPath dialect of Spectral: that of nimma, with what its fallback jsonpath-plus knows beyond it.

    $                      the root
    .name  ['name']  [a,b] members; names in brackets need no quotes
    .*  [*]                every child
    ..                     any depth
    [0]  [-1]  [1:3]       items
    [?(expression)]        children for which the expression holds, see ``expression_parser``
    [(@.length-1)]         the last item
    ^  ~                   the parent; the name instead of the value
    @string()              only nodes of that type

Two peculiarities are kept: a dot before a bracket means any depth, ``$.a.[b]`` is ``$.a..[b]``; and so does every child
at any depth with something behind it, ``$..*.a`` is ``$..a``.
"""

from __future__ import annotations

import re
from typing import Final

from apim_governance.paths.expression_parser import TYPES, ExpressionError, parse_expression
from apim_governance.paths.syntax import (
    Child,
    Descend,
    Filter,
    Index,
    KeyOf,
    Name,
    Parent,
    Path,
    PathSyntaxError,
    Segment,
    Selector,
    Slice,
    TypeOf,
    Wildcard,
)

__all__ = ["parse"]

_BARE: Final = re.compile(r"(?:[^.\[\]^~@\s]|\s(?!\s*$)|@(?![a-zA-Z]+\(\)))+")
_MEMBER: Final = re.compile(r"[^,\]\s'\"][^,\]]*")
_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_INDEX: Final = re.compile(r"-?(?:0|[1-9]\d*)")
_SLICE: Final = re.compile(r"(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?")
_LAST: Final = re.compile(r"\(\s*@\.length\s*-\s*(\d+)\s*\)")
_TYPE: Final = re.compile(r"@([a-zA-Z]+)\(\)")
_LONGEST: Final = 10_000


def parse(expression: str) -> Path:
    """The syntax tree. Raises PathSyntaxError."""
    if len(expression) > _LONGEST:
        raise PathSyntaxError(expression[:80], 0, f"it is longer than {_LONGEST} characters")
    return _Parser(expression).path()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._position = 0

    def path(self) -> Path:
        if not self._take("$"):
            raise self._error("it does not begin with $")
        segments: list[Segment] = []
        while self._position < len(self._text):
            segment = self._segment()
            if segments and segments[-1] == Descend((Wildcard(),)) and isinstance(segment, Child):
                segments[-1] = Descend(segment.selectors)
            else:
                segments.append(segment)
        return Path(tuple(segments), self._text)

    def _segment(self) -> Segment:
        if self._take("^"):
            return Parent()
        if self._take("~"):
            return KeyOf()
        if (found := _TYPE.match(self._text, self._position)) is not None:
            return self._type(found)
        descends = self._take("..") or self._text.startswith(".[", self._position)
        if (self._take(".") or not descends) and (found := _TYPE.match(self._text, self._position)) is not None:
            return self._type(found)
        kind = Descend if descends else Child
        if self._take("["):
            return kind(self._bracket())
        if not descends and self._text[self._position - 1] != ".":
            raise self._error(f"{self._text[self._position]!r} is not expected")
        if self._take("*"):
            return kind((Wildcard(),))
        if (descends and self._text.startswith(("^", "~"), self._position)) or self._position == len(self._text):
            if descends:
                return Descend((Wildcard(),))
            raise self._error("a name is missing behind the dot")
        found = _BARE.match(self._text, self._position)
        if found is None:
            raise self._error("a name is missing behind the dot")
        self._position = found.end()
        return kind((Name(found[0]),))

    def _type(self, found: re.Match[str]) -> Segment:
        if found[1] not in TYPES:
            raise self._error(f"@{found[1]}() is no type; there are: {', '.join(sorted(TYPES))}")
        self._position = found.end()
        return TypeOf(found[1])

    def _bracket(self) -> tuple[Selector, ...]:
        self._space()
        if self._take("?"):
            return (self._filter(),)
        if (found := _LAST.match(self._text, self._position)) is not None:
            self._position = found.end()
            self._close()
            return (Index(-int(found[1])),)
        selectors: list[Selector] = []
        while True:
            self._space()
            selectors.append(self._selector())
            self._space()
            if not self._take(","):
                self._close()
                return tuple(selectors)

    def _filter(self) -> Selector:
        try:
            expression, self._position = parse_expression(self._text, self._position)
        except ExpressionError as error:
            self._position = error.position
            raise self._error(error.reason) from None
        self._space()
        self._close()
        return Filter(expression)

    def _selector(self) -> Selector:
        text = self._text
        if (found := _QUOTED.match(text, self._position)) is not None:
            self._position = found.end()
            quoted = found[1] if found[1] is not None else found[2]
            return Name(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        if (found := _SLICE.match(text, self._position)) is not None and self._ends(found.end()):
            self._position = found.end()
            start, stop, step = (None if each is None else int(each) for each in found.groups())
            if step == 0:
                raise self._error("the step of a slice is not 0")
            return Slice(start, stop, step)
        if (found := _INDEX.match(text, self._position)) is not None and self._ends(found.end()):
            self._position = found.end()
            return Index(int(found[0]))
        if text.startswith("*", self._position) and self._ends(self._position + 1):
            self._position += 1
            return Wildcard()
        found = _MEMBER.match(text, self._position)
        if found is None:
            raise self._error("a name, a number, *, a slice or a filter is missing")
        self._position = found.end()
        return Name(found[0].rstrip())

    def _ends(self, position: int) -> bool:
        return re.compile(r"\s*[,\]]").match(self._text, position) is not None

    def _close(self) -> None:
        self._space()
        if not self._take("]"):
            raise self._error("']' is missing")

    def _space(self) -> None:
        while self._position < len(self._text) and self._text[self._position].isspace():
            self._position += 1

    def _take(self, sign: str) -> bool:
        if self._text.startswith(sign, self._position):
            self._position += len(sign)
            return True
        return False

    def _error(self, reason: str) -> PathSyntaxError:
        return PathSyntaxError(self._text, self._position, reason)
