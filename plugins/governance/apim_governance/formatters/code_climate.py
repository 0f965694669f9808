"""``code-climate``: issues of Code Climate, which GitLab's reports of code quality are, too."""

from __future__ import annotations

import json
from typing import Any, Final

from apim_governance.findings import Finding, Severity
from apim_governance.formatters.report import Report, relative_source

__all__ = ["text"]

_SEVERITIES: Final = {
    Severity.ERROR: "critical",
    Severity.WARN: "major",
    Severity.INFO: "minor",
    Severity.HINT: "info",
}


def text(report: Report) -> str:
    """The report as JSON."""
    return json.dumps([_issue(report, finding) for finding in report.findings], ensure_ascii=False, indent="\t")


def _issue(report: Report, finding: Finding) -> dict[str, Any]:
    path = relative_source(report, finding)
    start, end = finding.range.start, finding.range.end
    return {
        "type": "issue",
        "check_name": finding.code,
        "description": finding.message,
        "categories": ["Style"],
        "location": {
            "path": path,
            "positions": {
                "begin": {"line": start.line, "column": start.character},
                "end": {"line": end.line, "column": end.character},
            },
        },
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": f"{path}:{'.'.join(map(str, finding.path))}:{finding.code}",
    }
