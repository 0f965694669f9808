"""``teamcity``: service messages of TeamCity, an inspection for each finding."""

from __future__ import annotations

from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import SEVERITY_NAMES, Report

__all__ = ["text"]

_ESCAPES: Final = str.maketrans(
    {"|": "||", "'": "|'", "[": "|[", "]": "|]", "\n": "|n", "\r": "|r", "\u0085": "|x", "\u2028": "|l", "\u2029": "|p"}
)


def text(report: Report) -> str:
    """The report as service messages."""
    return "\n".join(_messages(finding, report.url_of(finding)) for finding in report.findings)


def _messages(finding: Finding, url: str | None) -> str:
    code = finding.code.translate(_ESCAPES)
    message = f"{SEVERITY_NAMES[finding.severity]} -- {finding.message}".translate(_ESCAPES)
    described = message if url is None else f"{message} -- {url.translate(_ESCAPES)}"
    file = (finding.source or "").translate(_ESCAPES)
    return (
        f"##teamcity[inspectionType category='openapi' id='{code}' name='{code}' description='{described}']\n"
        f"##teamcity[inspection typeId='{code}' file='{file}' line='{finding.range.start.line + 1}' "
        f"message='{message}']"
    )
