"""``markdown``: a table for comments and summaries."""

from __future__ import annotations

import re
from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import SEVERITY_NAMES, Report, path_label, units

__all__ = ["text"]

_HEADING: Final = ("Code", "Path", "Message", "Severity", "Start", "End", "Source")
_SPECIAL: Final = re.compile(r"[*_`#()\[\]/|]")
_BREAK: Final = re.compile(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]\s*")


def text(report: Report) -> str:
    """The report as a table."""
    rows = [_HEADING, *(_row(finding) for finding in report.findings)]
    widths = [max(units(row[column]) for row in rows) for column in range(len(_HEADING))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(tuple("-" * width for width in widths), widths))
    return "\n".join(lines)


def _row(finding: Finding) -> tuple[str, ...]:
    code = _escaped(finding.code)
    start, end = finding.range.start, finding.range.end
    return (
        code if finding.documentation_url is None else f"[{code}]({finding.documentation_url})",
        _escaped(path_label(finding.path)),
        _escaped(finding.message),
        SEVERITY_NAMES[finding.severity].capitalize(),
        f"{start.line}:{start.character}",
        f"{end.line}:{end.character}",
        _escaped(finding.source or ""),
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (cell + " " * (width - units(cell)) for cell, width in zip(row, widths, strict=True))
    return f"| {' | '.join(cells)} |"


def _escaped(value: str) -> str:
    """A text that ends neither its cell nor its row."""
    return _SPECIAL.sub(r"\\\g<0>", _BREAK.sub(" ", value).replace("<", "&lt;").replace(">", "&gt;"))
