"""``sarif``: the Static Analysis Results Interchange Format 2.1.0 (OASIS), which code hosts read."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

from apim_governance.findings import Finding, Severity
from apim_governance.formatters.report import Report, RuleFacts, relative_source
from apim_governance.sources import is_url

__all__ = ["text"]

_SCHEMA: Final = "http://json.schemastore.org/sarif-2.1.0-rtm.6.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.INFO: "note", Severity.HINT: "note"}


def text(report: Report) -> str:
    """The report as a log with one run."""
    sources = {_uri(report, finding): None for finding in report.findings}
    driver = {
        "name": "apim lint",
        "rules": [_rule(name, rule) for name, rule in report.rules.items()],
        "version": version("apim"),
    }
    numbers = {name: number for number, name in enumerate(report.rules)}
    indexes = {source: number for number, source in enumerate(sources)}
    run = {
        "tool": {"driver": driver},
        "results": [_result(report, finding, numbers, indexes) for finding in report.findings],
        "artifacts": [{"sourceLanguage": _language(source), "location": {"uri": source}} for source in sources],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(name: str, rule: RuleFacts) -> dict[str, Any]:
    written: dict[str, Any] = {"id": name, "shortDescription": {"text": rule.description or "No description."}}
    return written if rule.documentation_url is None else {**written, "helpUri": rule.documentation_url}


def _result(report: Report, finding: Finding, numbers: dict[str, int], indexes: dict[str, int]) -> dict[str, Any]:
    source = _uri(report, finding)
    start, end = finding.range.start, finding.range.end
    region = {
        "startLine": start.line + 1,
        "startColumn": start.character + 1,
        "endLine": end.line + 1,
        "endColumn": end.character + 1,
    }
    url = report.url_of(finding)
    place = {"artifactLocation": {"uri": source, "index": indexes[source]}, "region": region}
    written: dict[str, Any] = {
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message if url is None else f"{finding.message} -- {url}"},
        "ruleId": finding.code,
        "locations": [{"physicalLocation": place}],
    }
    return written if finding.code not in numbers else {**written, "ruleIndex": numbers[finding.code]}


def _uri(report: Report, finding: Finding) -> str:
    """The source as a URI reference (RFC 3986), which the standard asks for (section 3.4.3)."""
    source = relative_source(report, finding)
    return source if is_url(source) else quote(source, safe="/!$&'()*+,;=@~")


def _language(source: str) -> str:
    return "JSON" if source.endswith(".json") else "YAML"
