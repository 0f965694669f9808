"""Regular expressions of ECMAScript (ECMA-262, section 22.2) on the engine of the library ``regex``.

Read once, character by character, into the dialect of the library: classes are those of ECMAScript (``\\d`` is ASCII,
``\\s`` is not), ``$`` is the end and not the line before it, braces that count nothing stand for themselves. A search
that goes on for longer than its time is given up, so that no expression can hold a process.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import regex

from apim_governance.patience import searched

__all__ = ["Expression", "InvalidExpression", "compile_expression"]

_LINE_ENDS: Final = r"\n\r\u2028\u2029"
_SPACES: Final = r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES: Final = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": _SPACES,
}
_NEGATED: Final = {"D": "0-9", "W": "A-Za-z0-9_", "S": _SPACES}
_CONTROLS: Final = {"t": r"\t", "n": r"\n", "r": r"\r", "v": r"\x0b", "f": r"\x0c"}
_COUNT: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_NAME: Final = re.compile(r"<([A-Za-z_$][A-Za-z0-9_$]*)>")
_WORD: Final = "A-Za-z0-9_"


class InvalidExpression(ValueError):
    """What is no regular expression of ECMAScript."""


class Expression:
    """A compiled expression. ``source`` and ``flags`` are those of ECMAScript."""

    __slots__ = ("_pattern", "flags", "source")

    def __init__(self, source: str, flags: str, pattern: regex.Pattern[str]) -> None:
        self.source = source
        self.flags = flags
        self._pattern = pattern

    def test(self, text: str) -> bool:
        """Whether it matches anywhere in ``text``. Raises TimeoutError when that takes too long to find out."""
        return searched(self._pattern.search, text) is not None

    def groups(self, text: str) -> list[str | None] | None:
        """The first match and its groups, as ``match`` of a text answers them. Raises TimeoutError."""
        found = searched(self._pattern.search, text)
        return None if found is None else [found.group(), *found.groups()]

    def __str__(self) -> str:
        return f"/{self.source}/{self.flags}"


@lru_cache(maxsize=2048)
def compile_expression(source: str, flags: str = "") -> Expression:
    """Compile ``/source/flags``. Raises InvalidExpression."""
    if set(flags) - set("dgimsuvy") or len(set(flags)) != len(flags) or {"u", "v"} <= set(flags):
        raise InvalidExpression(f"Invalid flags supplied to RegExp constructor '{flags}'")
    text = _Translator(source, flags).translate()
    options = regex.VERSION0 | (regex.IGNORECASE if "i" in flags else 0)
    try:
        pattern = regex.compile(text, options)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidExpression(f"Invalid regular expression: /{source}/: {error}") from None
    return Expression(source, flags, pattern)


class _Translator:
    def __init__(self, source: str, flags: str) -> None:
        self._source = source
        self._position = 0
        self._unicode = "u" in flags or "v" in flags
        self._any = r"(?s:.)" if "s" in flags else f"[^{_LINE_ENDS}]"
        self._start = rf"(?:\A|(?<=[{_LINE_ENDS}]))" if "m" in flags else r"\A"
        self._end = rf"(?=[{_LINE_ENDS}]|\Z)" if "m" in flags else r"\Z"
        self._names = set(_NAME.findall("".join(re.findall(r"\(\?(<[^=!][^>]*>)", source))))

    def translate(self) -> str:
        out: list[str] = []
        repeatable = False
        while self._position < len(self._source):
            character = self._next()
            if character in "*+?{":
                quantifier = self._quantifier(character)
                if quantifier is None:
                    out.append(r"\{")
                    repeatable = True
                    continue
                if not repeatable:
                    raise self._invalid("Nothing to repeat")
                out.append(quantifier)
                repeatable = False
                continue
            out.append(self._piece(character))
            repeatable = character not in "^(|"
        return "".join(out)

    def _piece(self, character: str) -> str:
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._class()
        if character == "(":
            return self._group()
        if character == ".":
            return self._any
        if character == "^":
            return self._start
        if character == "$":
            return self._end
        if character in "|)":
            return character
        if self._unicode and character in "}]":
            raise self._invalid("Lone quantifier brackets")
        return regex.escape(character, special_only=False, literal_spaces=True)

    def _quantifier(self, character: str) -> str | None:
        """The quantifier that begins with ``character``; None for a brace that counts nothing."""
        text = character
        if character == "{":
            found = _COUNT.match(self._source, self._position - 1)
            if found is None:
                if self._unicode:
                    raise self._invalid("Incomplete quantifier")
                return None
            if found[3] and int(found[3]) < int(found[1]):
                raise self._invalid("numbers out of order in {} quantifier")
            text = found[0]
            self._position = found.end()
        if self._peek() == "?":
            text += self._next()
        return text

    def _group(self) -> str:
        if self._peek() != "?":
            return "("
        rest = self._source[self._position : self._position + 3]
        for opening in ("?:", "?=", "?!", "?<=", "?<!"):
            if rest.startswith(opening):
                self._position += len(opening)
                return "(" + opening
        name = _NAME.match(self._source, self._position + 1)
        if name is None:
            raise self._invalid("Invalid group")
        self._position = name.end()
        return f"(?P<{_group_name(name[1])}>"

    def _escape(self) -> str:
        if self._position == len(self._source):
            raise self._invalid("\\ at end of pattern")
        character = self._next()
        if character in _CLASSES:
            return f"[{_CLASSES[character]}]"
        if character in _NEGATED:
            return f"[^{_NEGATED[character]}]"
        if character in "bB":
            return self._boundary(character)
        if character == "k" and (self._names or self._unicode):
            name = _NAME.match(self._source, self._position)
            if name is None or name[1] not in self._names:
                raise self._invalid("Invalid named reference")
            self._position = name.end()
            return f"(?P={_group_name(name[1])})"
        if character in "123456789":
            digits = re.compile(r"\d*").match(self._source, self._position)
            assert digits is not None
            self._position = digits.end()
            return rf"(?:\{character}{digits[0]})"
        return self._character(character)

    def _boundary(self, character: str) -> str:
        inside = rf"(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}])"
        outside = rf"(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}])"
        return f"(?:{inside if character == 'b' else outside})"

    def _character(self, character: str) -> str:
        """A character that stands behind a backslash, within a class or outside."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "0":
            return r"\x00"
        if character == "c" and self._peek().isascii() and self._peek().isalpha():
            return rf"\x{ord(self._next()) % 32:02x}"
        if character in "xu":
            code = self._code(character)
            if code is not None:
                return _coded(code)
        if character in "pP" and self._unicode:
            end = self._source.find("}", self._position)
            if self._peek() != "{" or end < 0:
                raise self._invalid("Invalid property name")
            name = self._source[self._position : end + 1]
            self._position = end + 1
            return rf"\{character}{name}"
        if self._unicode and character.isalnum():
            raise self._invalid("Invalid escape")
        return regex.escape(character, special_only=False)

    def _code(self, character: str) -> int | None:
        """The number behind ``\\x`` or ``\\u``, if there is one."""
        patterns = [r"([0-9a-fA-F]{2})"] if character == "x" else [r"([0-9a-fA-F]{4})"]
        if character == "u" and self._unicode:
            patterns.append(r"\{([0-9a-fA-F]{1,6})\}")
        for each in patterns:
            found = re.compile(each).match(self._source, self._position)
            if found is not None:
                self._position = found.end()
                code = int(found[1], 16)
                low = re.compile(r"\\u(d[c-f][0-9a-f]{2})", re.I).match(self._source, self._position)
                if 0xD800 <= code < 0xDC00 and low is not None:
                    self._position = low.end()
                    return 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
                return code
        if self._unicode:
            raise self._invalid("Invalid escape")
        return None

    def _class(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._next()
        if self._peek() == "]":
            self._next()
            return r"(?s:.)" if negated else r"(?!)"
        out: list[str] = []
        while True:
            if self._position == len(self._source):
                raise self._invalid("Unterminated character class")
            character = self._next()
            if character == "]":
                return f"[{'^' if negated else ''}{''.join(out)}]"
            out.append(self._class_part(character))

    def _class_part(self, character: str) -> str:
        if character == "-":
            # A hyphen that makes no range is escaped by whoever looks at both sides of it.
            return "-" if self._makes_range() else r"\-"
        if character != "\\":
            return regex.escape(character, special_only=False)
        character = self._next() if self._position < len(self._source) else "\\"
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _NEGATED:
            return rf"\{character}" if character != "S" else r"\S"
        if character == "b":
            return r"\x08"
        return self._character(character)

    def _makes_range(self) -> bool:
        before = self._source[self._position - 2]
        two_before = self._source[self._position - 3 : self._position - 1]
        opening = before == "[" or two_before == "[^"
        is_class = len(two_before) == 2 and two_before[0] == "\\" and two_before[1] in "dwsDWS"
        after = self._source[self._position : self._position + 2]
        return not (opening or is_class or after[:1] == "]" or after in ("\\d", "\\w", "\\s", "\\D", "\\W", "\\S"))

    def _peek(self) -> str:
        return self._source[self._position] if self._position < len(self._source) else ""

    def _next(self) -> str:
        character = self._source[self._position]
        self._position += 1
        return character

    def _invalid(self, reason: str) -> InvalidExpression:
        return InvalidExpression(f"Invalid regular expression: /{self._source}/: {reason}")


def _group_name(name: str) -> str:
    return name.replace("$", "__dollar__")


def _coded(code: int) -> str:
    return rf"\U{code:08x}" if code > 0xFFFF else rf"\u{code:04x}"
