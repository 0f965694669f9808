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
_NEGATED: Final = {
    "D": r"\x00-/:-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "S": r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff",
}
"""What is not in a class, as another class."""
_CONTROLS: Final = {"t": r"\t", "n": r"\n", "r": r"\r", "v": r"\x0b", "f": r"\x0c"}
_COUNT: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_NAME: Final = re.compile(r"<([A-Za-z_$][A-Za-z0-9_$]*)>")
_OPENING: Final = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]?|\((?!\?)|\(\?<[A-Za-z_$][A-Za-z0-9_$]*>", re.DOTALL)
"""The beginnings of groups, and what they may seem to stand in."""
_DIGITS: Final = re.compile(r"[0-9]+")
_OCTAL: Final = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_CODE: Final = re.compile(r"\\[xuU]([0-9a-f]+)")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_SYNTAX: Final = "^$\\.*+?()[]{}|/"
_WORD: Final = "A-Za-z0-9_"


class InvalidExpression(ValueError):
    """What is no regular expression of ECMAScript."""


class Expression:
    """A compiled expression. ``source`` and ``flags`` are those of ECMAScript."""

    __slots__ = ("_by_units", "_pattern", "flags", "source")

    def __init__(self, source: str, flags: str, pattern: regex.Pattern[str]) -> None:
        self.source = source
        self.flags = flags
        self._pattern = pattern
        self._by_units = not _by_code_points(flags)

    def test(self, text: str) -> bool:
        """Whether it matches anywhere in ``text``. Raises TimeoutError when that takes too long to find out."""
        if self._by_units and not text.isascii():
            text = _units(text)
        return searched(self._pattern.search, text) is not None

    def groups(self, text: str) -> list[str | None] | None:
        """The first match and its groups, as ``match`` of a text answers them. Raises TimeoutError."""
        if self._by_units and not text.isascii():
            text = _units(text)
        found = searched(self._pattern.search, text)
        if found is None:
            return None
        return [None if group is None else _text_of_units(group) for group in (found.group(), *found.groups())]

    def __str__(self) -> str:
        return f"/{self.source}/{self.flags}"


@lru_cache(maxsize=2048)
def compile_expression(source: str, flags: str = "") -> Expression:
    """Compile ``/source/flags``. Raises InvalidExpression."""
    if set(flags) - set("dgimsuvy") or len(set(flags)) != len(flags) or {"u", "v"} <= set(flags):
        raise InvalidExpression(f"Invalid flags supplied to RegExp constructor '{flags}'")
    translator = _Translator(source, flags)
    text = translator.translate()
    options = regex.VERSION0 | (regex.IGNORECASE if "i" in flags else 0)
    try:
        pattern = regex.compile(text, options)
    except (regex.error, RecursionError, OverflowError) as error:
        raise translator.invalid(str(error)) from None
    return Expression(source, flags, pattern)


def _by_code_points(flags: str) -> bool:
    return "u" in flags or "v" in flags


def _units(text: str) -> str:
    """A text whose characters are the code units of UTF-16, as ECMAScript looks at it without the flag ``u``."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return _ASTRAL.sub(_halves, text)


def _halves(found: re.Match[str]) -> str:
    code = ord(found[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + code % 0x400)


def _text_of_units(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class _Translator:
    def __init__(self, source: str, flags: str) -> None:
        self._unicode = _by_code_points(flags)
        self._written = source
        self._source = source if self._unicode else _units(source)
        self._flags = flags
        self._position = 0
        self._any = r"(?s:.)" if "s" in flags else f"[^{_LINE_ENDS}]"
        self._start = rf"(?:\A|(?<=[{_LINE_ENDS}]))" if "m" in flags else r"\A"
        self._end = rf"(?=[{_LINE_ENDS}]|\Z)" if "m" in flags else r"\Z"
        openings = [found[0] for found in _OPENING.finditer(self._source) if found[0].startswith("(")]
        self._groups = len(openings)
        self._names = [each[3:-1] for each in openings if len(each) > 1]
        self._made = 0
        self._open: list[tuple[int, bool]] = []
        """Groups that are not closed yet: the number of each, 0 for one that captures nothing, and whether a quantifier
        may stand behind it."""
        self._repeatable = False

    def translate(self) -> str:
        if len(set(self._names)) < len(self._names):
            raise self.invalid("Duplicate capture group name")
        out: list[str] = []
        while self._position < len(self._source):
            character = self._next()
            if character in "*+?{":
                out.append(self._quantifier(character))
            else:
                self._repeatable = character not in "^$(|"
                out.append(self._piece(character))
        if self._open:
            raise self.invalid("Unterminated group")
        return rf"\A(?:{''.join(out)})" if "y" in self._flags else "".join(out)

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
        if character == ")":
            if not self._open:
                raise self.invalid("Unmatched ')'")
            self._repeatable = self._open.pop()[1]
            return character
        if character == "|":
            return character
        if self._unicode and character in "}]":
            raise self.invalid("Lone quantifier brackets")
        return regex.escape(character, special_only=False, literal_spaces=True)

    def _quantifier(self, character: str) -> str:
        """The quantifier that begins with ``character``, or a brace that counts nothing."""
        text = character
        if character == "{":
            found = _COUNT.match(self._source, self._position - 1)
            if found is None:
                if self._unicode:
                    raise self.invalid("Incomplete quantifier" if self._repeatable else "Nothing to repeat")
                self._repeatable = True
                return r"\{"
            text = found[0]
            self._position = found.end()
            if not self._repeatable:
                raise self.invalid("Nothing to repeat")
            if found[3] and int(found[3]) < int(found[1]):
                raise self.invalid("numbers out of order in {} quantifier")
        if not self._repeatable:
            raise self.invalid("Nothing to repeat")
        if self._peek() == "?":
            text += self._next()
        self._repeatable = False
        return text

    def _group(self) -> str:
        if self._peek() != "?":
            self._made += 1
            self._open.append((self._made, True))
            return "("
        rest = self._source[self._position : self._position + 3]
        for opening in ("?:", "?=", "?!", "?<=", "?<!"):
            if rest.startswith(opening):
                self._position += len(opening)
                self._open.append((0, opening == "?:" or (opening in ("?=", "?!") and not self._unicode)))
                return "(" + opening
        name = _NAME.match(self._source, self._position + 1)
        if name is None:
            raise self.invalid("Invalid capture group name" if rest.startswith("?<") else "Invalid group")
        self._position = name.end()
        self._made += 1
        self._open.append((self._made, True))
        return "("

    def _escape(self) -> str:
        if self._position == len(self._source):
            raise self.invalid("\\ at end of pattern")
        character = self._next()
        if character in _CLASSES:
            return f"[{_CLASSES[character]}]"
        if character in _NEGATED:
            return f"[{_NEGATED[character]}]"
        if character in "bB":
            self._repeatable = False
            return self._boundary(character)
        if character == "k" and (self._names or self._unicode):
            name = _NAME.match(self._source, self._position)
            if name is None:
                raise self.invalid("Invalid named reference")
            if name[1] not in self._names:
                raise self.invalid("Invalid named capture referenced")
            self._position = name.end()
            return self._reference(self._number(name[1]))
        if character in "123456789":
            digits = _DIGITS.match(self._source, self._position - 1)
            assert digits is not None
            if int(digits[0]) <= self._groups:
                self._position = digits.end()
                return self._reference(int(digits[0]))
        return self._character(character)

    def _number(self, name: str) -> int:
        """The number of the group of that name."""
        openings = [found[0] for found in _OPENING.finditer(self._source) if found[0].startswith("(")]
        return openings.index(f"(?<{name}>") + 1

    def _reference(self, number: int) -> str:
        """What a group has matched; nothing for one that has not, or is not closed yet."""
        if number > self._made or any(number == group for group, _ in self._open):
            return "(?:)"
        return rf"(?:(?({number})(?:\{number})))"

    def _boundary(self, character: str) -> str:
        inside = rf"(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}])"
        outside = rf"(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}])"
        return f"(?:{inside if character == 'b' else outside})"

    def _character(self, character: str) -> str:
        """A character that stands behind a backslash, within a class or outside."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isdigit():
            return self._octal(character)
        if character == "c" and self._peek().isascii() and self._peek().isalpha():
            return rf"\x{ord(self._next()) % 32:02x}"
        if character in "xu":
            code = self._code(character)
            if code is not None:
                return _coded(code)
        if character in "pP" and self._unicode:
            end = self._source.find("}", self._position)
            if self._peek() != "{" or end < 0:
                raise self.invalid("Invalid property name")
            name = self._source[self._position : end + 1]
            self._position = end + 1
            return rf"\{character}{name}"
        if self._unicode and character not in _SYNTAX:
            raise self.invalid("Invalid escape")
        return regex.escape(character, special_only=False)

    def _octal(self, digit: str) -> str:
        """A character by its code in octal digits, which only old expressions have; \\0 is one for all."""
        found = _OCTAL.match(self._source, self._position - 1)
        if self._unicode and (digit != "0" or self._peek().isdigit()):
            raise self.invalid("Invalid decimal escape" if digit == "0" else "Invalid escape")
        if found is None:
            return digit
        self._position = found.end()
        return _coded(int(found[0], 8))

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
                low = (
                    None
                    if not self._unicode
                    else re.compile(r"\\u(d[c-f][0-9a-f]{2})", re.I).match(self._source, self._position)
                )
                if 0xD800 <= code < 0xDC00 and low is not None:
                    self._position = low.end()
                    return 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
                return code
        if self._unicode:
            raise self.invalid("Invalid Unicode escape" if character == "u" else "Invalid escape")
        return None

    def _class(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._next()
        out: list[str] = []
        while (low := self._class_atom()) is not None:
            rest = self._source[self._position : self._position + 2]
            if not rest.startswith("-") or rest in ("-", "-]"):
                out.append(low[0])
                continue
            self._next()
            high = self._class_atom()
            assert high is not None
            if low[1] is None or high[1] is None:
                if self._unicode:
                    raise self.invalid("Invalid character class")
                out += [low[0], r"\-", high[0]]
            elif low[1] > high[1]:
                raise self.invalid("Range out of order in character class")
            else:
                out.append(f"{low[0]}-{high[0]}")
        if not out:
            return r"(?s:.)" if negated else r"(?!)"
        return f"[{'^' if negated else ''}{''.join(out)}]"

    def _class_atom(self) -> tuple[str, int | None] | None:
        """A character with its code, or a class of characters, that stands in a class; None at its end."""
        if self._position == len(self._source):
            raise self.invalid("Unterminated character class")
        character = self._next()
        if character == "]":
            return None
        if character != "\\":
            rest = character + self._peek()
            if "v" in self._flags and (character == "[" or rest in ("--", "&&")):
                raise self.invalid("sets within sets are not known here")
            return _coded(ord(character)), ord(character)
        if self._position == len(self._source):
            raise self.invalid("\\ at end of pattern")
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character], None
        if character in _NEGATED:
            return _NEGATED[character], None
        if character == "b":
            return r"\x08", 8
        if character == "-":
            return r"\-", ord("-")
        if character == "c" and not self._unicode and not (self._peek().isascii() and self._peek().isalpha()):
            self._position -= 1
            return r"\\", ord("\\")
        written = self._character(character)
        return written, None if character in "pP" and self._unicode else ord(_CODE.sub(_character_of, written)[-1:])

    def _peek(self) -> str:
        return self._source[self._position] if self._position < len(self._source) else ""

    def _next(self) -> str:
        character = self._source[self._position]
        self._position += 1
        return character

    def invalid(self, reason: str) -> InvalidExpression:
        """What is wrong, in the words of V8."""
        return InvalidExpression(f"Invalid regular expression: /{self._written}/{self._flags}: {reason}")


def _coded(code: int) -> str:
    return rf"\U{code:08x}" if code > 0xFFFF else rf"\u{code:04x}"


def _character_of(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
