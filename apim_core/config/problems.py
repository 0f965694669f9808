"""What is wrong with a configuration: every problem found, where it is and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import attrs

__all__ = ["ConfigErrors", "Location", "Problem", "closest", "did_you_mean"]


@attrs.frozen
class Location:
    """A place in a file. ``line`` and ``column`` count from 1; both are None when the place has no text of its own."""

    file: str
    line: int | None = None
    column: int | None = None
    pointer: str = ""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))


@attrs.frozen
class Problem:
    """One thing that is wrong.

    ``message`` says what, ``hint`` how to mend it; ``pointer`` is the JSON Pointer (RFC 6901) inside ``file``; ``line``
    and ``column`` count from 1 and are None when the problem is the file itself, such as one that is missing.
    """

    file: str
    line: int | None
    column: int | None
    pointer: str
    message: str
    hint: str | None = None
    at_key: bool = attrs.field(default=False, repr=False, eq=False)
    """Whether the pointer's own key is what is wrong, not the value under it."""

    @property
    def location(self) -> Location:
        """Where it is."""
        return Location(self.file, self.line, self.column, self.pointer)

    def __str__(self) -> str:
        place = str(self.location)
        lines = [f"{place}: {self.message}" if place else self.message]
        if self.pointer:
            lines.append(f"  at {self.pointer}")
        if self.hint:
            lines.append(f"  fix: {self.hint}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values, for machines."""
        return attrs.asdict(self, filter=attrs.filters.exclude("at_key"))


class ConfigErrors(Exception):
    """A configuration that was refused. ``problems`` holds all that is wrong with it, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        total = "1 problem" if count == 1 else f"{count} problems"
        return "\n".join([*map(str, self.problems), total])

    def to_json(self) -> list[dict[str, Any]]:
        """One mapping of plain values for each problem."""
        return [problem.to_json() for problem in self.problems]


def closest(word: object, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is probably a slip of, whatever its case and dashes; None when none is close."""
    if not isinstance(word, str):
        return None
    by_folded = {_folded(choice): choice for choice in sorted(known)}
    close = difflib.get_close_matches(_folded(word), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """``did you mean 'limits'?`` when ``word`` is close to a known one, else None."""
    close = closest(word, known)
    return None if close is None else f"did you mean {close!r}?"


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_")
