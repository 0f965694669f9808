"""``text``: a line for each finding, as compilers write them."""

from __future__ import annotations

from apim_governance.findings import Finding
from apim_governance.formatters.report import SEVERITY_NAMES, Report, visible

__all__ = ["text"]


def text(report: Report) -> str:
    """The report in lines."""
    return "\n".join(_line(finding, report.url_of(finding)) for finding in report.findings)


def _line(finding: Finding, url: str | None) -> str:
    start = finding.range.start
    told = (
        f"{visible(finding.source or '')}:{start.line + 1}:{start.character + 1} "
        f'{SEVERITY_NAMES[finding.severity]} {visible(finding.code)} "{visible(finding.message)}"'
    )
    return told if url is None else f"{told} {visible(url)}"
