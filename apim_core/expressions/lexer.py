"""Splits the text of an expression into tokens (cel-spec langdef, "Syntax"); one token at a time, on demand.

On demand, because in a template the text after the expression is not CEL and must not be looked at.
"""

import re

import attrs

from apim_core.expressions.errors import ExpressionError
from apim_core.expressions.literals import decode_number, decode_text


@attrs.frozen
class Token:
    """One token. `kind` is `name`, `quoted-name`, `literal`, `end`, or the operator or bracket itself."""

    kind: str
    offset: int
    end: int
    text: str
    value: object = None


_SPACE = re.compile(r"(?:[ \t\r\n\f]|//[^\n]*)*")
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_QUOTED_NAME = re.compile(r"`([a-zA-Z0-9_.\-/ ]+)`")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+[uU]?|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+[uU]?")
_OPENING = re.compile(r"(?P<bytes>[bB]?)(?P<raw>[rR]?)(?P<quote>\"\"\"|'''|\"|')")
_OPERATOR = re.compile(r"&&|\|\||==|!=|<=|>=|\.\?|\[\?|[-+*/%!<>?:.,()\[\]{}]")

_HINTS = {
    "=": "compare with '=='",
    "&": "write '&&'",
    "|": "write '||'",
    ";": "an expression has no statements",
    "`": "a quoted name holds letters, digits and _ . - / or space",
}


class Lexer:
    """Reads tokens from `source`, which error messages show."""

    def __init__(self, source: str) -> None:
        self.source = source

    def token_at(self, offset: int) -> Token:
        """The first token at or after the offset; of kind `end` where there is none."""
        space = _SPACE.match(self.source, offset)
        start = space.end() if space else offset
        if start == len(self.source):
            return Token("end", start, start, "")
        if opening := _OPENING.match(self.source, start):
            return self._text(opening)
        if found := _NAME.match(self.source, start):
            return Token("name", start, found.end(), found[0])
        if found := _NUMBER.match(self.source, start):
            return self._number(found)
        if found := _OPERATOR.match(self.source, start):
            return Token(found[0], start, found.end(), found[0])
        if found := _QUOTED_NAME.match(self.source, start):
            return Token("quoted-name", start, found.end(), found[1])
        character = self.source[start]
        raise self.error(f"unexpected character {character!a}", start, _HINTS.get(character))

    def error(self, message: str, offset: int, hint: str | None = None) -> ExpressionError:
        """An error about the text at this offset, to be raised."""
        return ExpressionError(message, source=self.source, offset=min(offset, len(self.source)), hint=hint)

    def _number(self, found: re.Match[str]) -> Token:
        following = self.source[found.end() : found.end() + 1]
        if following == "_" or following.isalnum():
            raise self.error(f"{following!a} cannot follow a number", found.end())
        try:
            number = decode_number(found[0])
        except ValueError as error:
            raise self.error(str(error), found.start()) from None
        return Token("literal", found.start(), found.end(), found[0], number)

    def _text(self, opening: re.Match[str]) -> Token:
        quote, start = opening["quote"], opening.end()
        end = self._closing(quote, start, raw=bool(opening["raw"]))
        if end < 0:
            raise self.error("the string is not closed", opening.start(), f"close it with {quote}")
        try:
            value = decode_text(self.source[start:end], raw=bool(opening["raw"]), as_bytes=bool(opening["bytes"]))
        except ValueError as error:
            raise self.error(str(error), opening.start()) from None
        finish = end + len(quote)
        return Token("literal", opening.start(), finish, self.source[opening.start() : finish], value)

    def _closing(self, quote: str, start: int, *, raw: bool) -> int:
        position, long = start, len(quote) == 3
        while position < len(self.source):
            if self.source.startswith(quote, position):
                return position
            character = self.source[position]
            if not long and character in "\r\n":
                return -1
            position += 2 if character == "\\" and not raw else 1
        return -1
