"""``github-actions``: workflow commands, which GitHub shows as annotations of the lines."""

from __future__ import annotations

from typing import Final

from apim_governance.findings import Finding, Severity
from apim_governance.formatters.report import Report, relative_source

__all__ = ["text"]

_COMMANDS: Final = {
    Severity.ERROR: "error",
    Severity.WARN: "warning",
    Severity.INFO: "notice",
    Severity.HINT: "notice",
}

_OF_MESSAGES: Final = "%\r\n"
_OF_PROPERTIES: Final = "%\r\n:,"


def text(report: Report) -> str:
    """The report as workflow commands."""
    return "\n".join(_command(report, finding) for finding in report.findings)


def _command(report: Report, finding: Finding) -> str:
    start, end = finding.range.start, finding.range.end
    facts = {
        "title": finding.code,
        "file": relative_source(report, finding),
        "col": start.character + 1,
        "endColumn": end.character + 1,
        "line": start.line + 1,
        "endLine": end.line + 1,
    }
    message = finding.message
    if finding.documentation_url is not None:
        message += f"\nDocumentation: {finding.documentation_url}"
    written = ",".join(f"{name}={_escaped(str(value), _OF_PROPERTIES)}" for name, value in facts.items())
    return f"::{_COMMANDS[finding.severity]} {written}::{_escaped(message, _OF_MESSAGES)}"


def _escaped(value: str, signs: str) -> str:
    """A value that ends no property and no line, so that no text in a document becomes a command of its own."""
    return "".join(f"%{ord(sign):02X}" if sign in signs else sign for sign in value)
