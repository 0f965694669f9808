"""Findings: what rules find in a document, in which order they are told, and which of them are one.

Lines and characters are counted from zero, characters in UTF-16 code units, as editors and Spectral count them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import attrs
from apim_sdk.governance import JSONPath

__all__ = ["NOWHERE", "Finding", "Position", "Range", "Severity", "path_text", "sorted_findings"]


class Severity(IntEnum):
    """How much a finding matters; the numbers are Spectral's and those of the Language Server Protocol less one."""

    ERROR = 0
    WARN = 1
    INFO = 2
    HINT = 3


@attrs.frozen(order=True)
class Position:
    """A place in a text."""

    line: int
    character: int


@attrs.frozen
class Range:
    """A piece of a text; ``end`` is behind its last character."""

    start: Position
    end: Position

    def numbers(self) -> tuple[int, int, int, int]:
        """Line and character of the start, line and character of the end."""
        return self.start.line, self.start.character, self.end.line, self.end.character


NOWHERE = Range(Position(0, 0), Position(0, 0))


@attrs.frozen
class Finding:
    """One thing that a rule, or the reading of the document, has to say.

    ``source`` is the file or URL that ``range`` lies in, ``path`` where in its data; both may be of another document
    than the one that was linted, if a reference leads there.
    """

    code: str
    message: str
    severity: Severity
    path: JSONPath
    range: Range
    source: str | None = None
    documentation_url: str | None = None


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, by source, place and code.

    Two are one if they are of the same rule at the same path of the same source and say the same.
    """
    unique: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        unique.setdefault((finding.source, finding.code, finding.path, finding.message), finding)
    return tuple(sorted(unique.values(), key=_order))


def _order(finding: Finding) -> tuple[Any, ...]:
    start = finding.range.start
    return finding.source or "", start.line, start.character, finding.code, path_text(finding.path)


def path_text(path: JSONPath) -> str:
    """A path as texts show it: ``paths./orders.get.parameters[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
