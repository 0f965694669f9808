"""``stylish``: for people at terminals, a table for each source."""

from __future__ import annotations

import re
from typing import Final

from apim_governance.findings import Finding, Severity
from apim_governance.formatters.report import (
    SEVERITY_NAMES,
    Report,
    by_source,
    counts_text,
    heaviest,
    path_label,
    units,
    visible,
)

__all__ = ["COLOURS", "painted", "text"]

COLOURS: Final = {Severity.ERROR: "31", Severity.WARN: "33", Severity.INFO: "34", Severity.HINT: "37"}
"""The colours of severities, by their numbers in ECMA-48."""
_NUMBERS: Final = re.compile(r"([0-9]+)\s+([0-9]+)")


def text(report: Report) -> str:
    """The report as tables; nothing where nothing was found."""
    if not report.findings:
        return ""
    parts = ["\n"]
    for source, findings in by_source(report.findings):
        parts.append(f"{painted(visible(source), '4', report.colours)}\n{_table(findings, report)}\n\n")
    colour = COLOURS[heaviest(report.findings)]
    parts.append(painted(f"✖ {counts_text(report.findings)}", f"1;{colour}", report.colours) + "\n")
    return "".join(parts)


def painted(shown: str, code: str, colours: bool) -> str:
    """A text in a colour, where there are colours."""
    return f"\x1b[{code}m{shown}\x1b[0m" if colours else shown


def _table(findings: list[Finding], report: Report) -> str:
    rows = [_row(finding, report.url_of(finding)) for finding in findings]
    widths = [max(units(row[column]) for row in rows) for column in range(6)]
    text = "\n".join(
        _line(row, widths, COLOURS[finding.severity], report.colours)
        for row, finding in zip(rows, findings, strict=True)
    )
    # Spectral makes "3:1" of the first two numbers of a line that stand side by side, also of those in messages
    return "\n".join(_NUMBERS.sub(r"\1:\2", line, count=1) for line in text.split("\n"))


def _row(finding: Finding, url: str | None) -> tuple[str, ...]:
    start = finding.range.start
    return (
        f"{start.line + 1}:{start.character + 1}",
        SEVERITY_NAMES[finding.severity],
        visible(finding.code),
        visible(finding.message),
        visible(path_label(finding.path)),
        visible(url or ""),
    )


def _line(row: tuple[str, ...], widths: list[int], colour: str, colours: bool) -> str:
    place, severity, *others = row
    cells = [
        " " * (widths[0] - units(place)) + painted(place, "2", colours),
        " " * (widths[1] - units(severity)) + painted(severity, colour, colours),
        *(cell + " " * (width - units(cell)) for cell, width in zip(others, widths[2:], strict=True)),
    ]
    return " " + "  ".join(cells).rstrip()
