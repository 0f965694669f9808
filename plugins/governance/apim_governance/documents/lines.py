"""From offsets in a text to lines and characters."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final

from apim_governance.findings import Position

__all__ = ["Lines"]

_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters of two UTF-16 code units."""


class Lines:
    """Where the lines of a text begin. Lines end with ``\\n``, ``\\r\\n`` or ``\\r``."""

    __slots__ = ("_astral", "_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._astral = [] if text.isascii() else [found.start() for found in _ASTRAL.finditer(text)]

    def __len__(self) -> int:
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """The position of an offset, which counts Python's characters; the position counts UTF-16 code units."""
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        return Position(line, offset - start + self._wide(start, offset))

    def offset(self, position: Position) -> int:
        """The offset of a position; behind the end of its line, that of the end."""
        if position.line >= len(self._starts):
            return len(self._text)
        start = self._starts[position.line]
        end = self._starts[position.line + 1] - 1 if position.line + 1 < len(self._starts) else len(self._text)
        offset = start + position.character
        while (wide := self._wide(start, offset)) + offset - start > position.character:
            offset -= max((wide + offset - start - position.character) // 2, 1)
        return min(offset, end)

    def _wide(self, start: int, end: int) -> int:
        """How many characters between two offsets have two code units."""
        return bisect_left(self._astral, end) - bisect_left(self._astral, start) if self._astral else 0
