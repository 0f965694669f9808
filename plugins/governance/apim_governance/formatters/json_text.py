"""``json``: the findings as a list, with everything that is known of them."""

from __future__ import annotations

import json
from typing import Any

from apim_governance.findings import Finding
from apim_governance.formatters.report import Report

__all__ = ["text"]


def text(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(
        [_finding(finding, report.url_of(finding)) for finding in report.findings], ensure_ascii=False, indent="\t"
    )


def _finding(finding: Finding, url: str | None) -> dict[str, Any]:
    start, end = finding.range.start, finding.range.end
    written: dict[str, Any] = {
        "code": finding.code,
        "path": [str(part) for part in finding.path],
        "message": finding.message,
        "severity": int(finding.severity),
        "range": {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        },
    }
    if finding.source is not None:
        written["source"] = finding.source
    return written if url is None else {**written, "documentationUrl": url}
