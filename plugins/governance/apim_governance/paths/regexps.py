"""I-Regexps (RFC 9485): regular expressions as ``match`` and ``search`` of RFC 9535 take them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import regex

from apim_governance.patience import searched

__all__ = ["finds", "is_matched"]

_ESCAPE: Final = re.compile(r"\\[()*+\-.?\[\\\]^nrt{|}]")
_CATEGORY: Final = re.compile(r"\\[pP]\{(?:L[lmotu]?|M[cen]?|N[dlo]?|P[c-fios]?|Z[lps]?|S[ckmo]?|C[cfno]?)\}")
_COUNT: Final = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
_SPECIAL: Final = "()*+.?[\\]{|}"


def is_matched(text: str, expression: str) -> bool:
    """Whether an expression matches a whole text; false where it is no I-Regexp. Raises TimeoutError."""
    compiled = _compiled(expression)
    return compiled is not None and searched(compiled.fullmatch, text) is not None


def finds(text: str, expression: str) -> bool:
    """Whether an expression matches anywhere in a text; false where it is no I-Regexp. Raises TimeoutError."""
    compiled = _compiled(expression)
    return compiled is not None and searched(compiled.search, text) is not None


@lru_cache(maxsize=256)
def _compiled(expression: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(_Translator(expression).translated(), regex.V0)
    except (_NoExpression, regex.error):
        return None


class _NoExpression(ValueError):
    """What is no I-Regexp."""


class _Translator:
    """Reads an I-Regexp, piece by piece, and writes it for the library ``regex``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._open = 0
        self._parts: list[str] = []

    def translated(self) -> str:
        quantifiable = False
        while self._position < len(self._text):
            quantifiable = self._piece(quantifiable)
        if self._open:
            raise _NoExpression
        return "".join(self._parts)

    def _piece(self, quantifiable: bool) -> bool:
        """Take one piece; answer whether a quantifier may stand behind it."""
        sign = self._text[self._position]
        if (found := _COUNT.match(self._text, self._position)) is not None:
            if not quantifiable:
                raise _NoExpression
            self._take(found[0], found[0])
            return False
        if sign == "(":
            self._open += 1
            self._take(sign, "(?:")
            return False
        if sign == ")":
            self._open -= 1
            if self._open < 0:
                raise _NoExpression
            self._take(sign, ")")
            return True
        if sign == "|":
            self._take(sign, "|")
            return False
        if sign == "[":
            self._class()
            return True
        self._atom(_SPECIAL)
        return True

    def _atom(self, special: str) -> bool:
        """Take one character, escaped or not, or a category; answer whether it was a category."""
        text, position = self._text, self._position
        if (found := _CATEGORY.match(text, position)) is not None:
            self._take(found[0], found[0])
            return True
        if (found := _ESCAPE.match(text, position)) is not None:
            self._take(found[0], found[0])
        elif text[position] == "." and special is _SPECIAL:
            self._take(".", r"[^\n\r]")
        elif text[position] in "^$" and special is _SPECIAL:  # the suite of RFC 9535 has them as anchors
            self._take(text[position], "^" if text[position] == "^" else r"\Z")
        elif text[position] in special:
            raise _NoExpression
        else:
            self._take(text[position], regex.escape(text[position], special_only=False))
        return False

    def _class(self) -> None:
        self._take("[", "[")
        if self._next() == "^":
            self._take("^", "^")
        if self._next() == "-":
            self._take("-", r"\-")
        elif self._next() == "]":
            raise _NoExpression
        while self._next() != "]":
            if self._next() == "-":  # at its end only
                self._take("-", r"\-")
                if self._next() != "]":
                    raise _NoExpression
                break
            category = self._atom("-[\\]")
            if not category and self._next() == "-" and self._text[self._position + 1 : self._position + 2] != "]":
                self._take("-", "-")
                self._next()
                if self._atom("-[\\]"):
                    raise _NoExpression
        self._take("]", "]")

    def _next(self) -> str:
        if self._position >= len(self._text):
            raise _NoExpression
        return self._text[self._position]

    def _take(self, read: str, written: str) -> None:
        self._position += len(read)
        self._parts.append(written)
