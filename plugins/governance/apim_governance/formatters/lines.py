"""``text``: a line for each finding, as compilers write them."""

from __future__ import annotations

from apim_governance.formatters.report import SEVERITY_NAMES, Report, visible

__all__ = ["text"]


def text(report: Report) -> str:
    """The report in lines."""
    return "\n".join(
        f"{visible(finding.source or '')}:{finding.range.start.line + 1}:{finding.range.start.character + 1} "
        f'{SEVERITY_NAMES[finding.severity]} {visible(finding.code)} "{visible(finding.message)}"'
        for finding in report.findings
    )
