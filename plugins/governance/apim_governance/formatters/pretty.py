"""``pretty``: for people at terminals, in columns whose texts are broken over lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import (
    SEVERITY_NAMES,
    Report,
    by_source,
    counts_text,
    heaviest,
    path_label,
    visible,
)
from apim_governance.formatters.stylish import COLOURS, painted

__all__ = ["text", "wrapped"]

_PLACE: Final = 10
_SEVERITY: Final = 11
_GAP: Final = 2


def text(report: Report) -> str:
    """The report in columns."""
    if not report.findings:
        return "\n0 Unique Issue(s)\n✖\n"
    lines = [""]
    for source, findings in by_source(report.findings):
        name = wrapped(f"File:   {visible(source)}", report.columns)
        lines += ["", *(painted(line, "4", report.colours) for line in name)]
        for finding in findings:
            lines += _rows(finding, report)
            lines.append("")
    colour = COLOURS[heaviest(report.findings)]
    lines.append(f"{len({finding.code for finding in report.findings})} Unique Issue(s)")
    lines.append(painted(f"✖ {counts_text(report.findings)}", f"1;{colour}", report.colours))
    return "\n".join(lines) + "\n"


def _rows(finding: Finding, report: Report) -> Iterator[str]:
    start = finding.range.start
    url = report.url_of(finding)
    cells = [
        f"{start.line + 1}:{start.character + 1}",
        SEVERITY_NAMES[finding.severity].upper(),
        visible(finding.code),
        visible(finding.message),
        visible(path_label(finding.path)),
        *([] if url is None else [visible(url)]),
    ]
    wide = max((report.columns - _PLACE - _SEVERITY - len(cells) * _GAP) // (len(cells) - 2), 8)
    widths = [_PLACE, _SEVERITY, *[wide] * (len(cells) - 2)]
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, columns))):
        parts = [column[number] if number < len(column) else "" for column in columns]
        padded = [part + " " * (width - _width(part)) for part, width in zip(parts, widths, strict=True)]
        if report.colours and number == 0:
            padded[1] = painted(padded[1], COLOURS[finding.severity], report.colours)
        yield (" " * _GAP).join(padded).rstrip(" ")


def wrapped(value: str, width: int) -> list[str]:
    """A text in lines of at most that width, broken at spaces, and within words where they are longer."""
    lines: list[str] = []
    for line in value.split("\n"):
        lines += _wrapped(line.strip(), width)
    return lines


def _wrapped(value: str, width: int) -> Iterator[str]:
    line = ""
    for number, word in enumerate(value.split(" ")):
        if number:
            if _width(line) >= width:
                yield line
                line = ""
            line += " " if line else ""
        length = _width(word)
        if length > width:
            left = width - _width(line)
            if line and (length - 1) // width < 1 + (length - left - 1) // width:
                yield line.rstrip(" ")
                line = ""
            for letter in word:
                if _width(line) + _width(letter) > width:
                    yield line
                    line = ""
                line += letter
        elif _width(line) + length > width and line:
            yield line.rstrip(" ")
            line = word
        else:
            line += word
    yield line.rstrip(" ")


def _width(value: str) -> int:
    """The columns that a text takes in a terminal."""
    if value.isascii() and value.isprintable():
        return len(value)
    return sum(_columns(letter) for letter in value)


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Cc", "Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
