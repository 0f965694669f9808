"""``junit``: what fails, as test cases of JUnit, a suite for each source."""

from __future__ import annotations

import re
from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import Report, by_source
from apim_governance.messages import pointer_text

__all__ = ["text"]

_NAMED: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&apos;"}
_ESCAPED: Final = re.compile("[<>&\"'\\x00-\\x1f\\x7f-\\uffff]")
"""Characters behind the first 65,536 stay as they are, as Spectral leaves them."""
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""Characters that XML 1.0 cannot have, escaped or not (section 2.2)."""
_EXTENSION: Final = re.compile(r"\.[^./\\]*\Z")


def text(report: Report) -> str:
    """The report as XML."""
    suites = "".join(_suite(source, findings, report) for source, findings in by_source(report.findings))
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _suite(source: str, findings: list[Finding], report: Report) -> str:
    failing = [finding for finding in findings if finding.severity <= report.fail_severity]
    cases = "".join(_case(finding, source, report.url_of(finding)) for finding in failing)
    number = len(failing)
    name = _attribute(source)
    return (
        f'<testsuite package="org.spectral" time="0" tests="{number}" errors="0" failures="{number}" name="{name}">\n'
        f"{cases}</testsuite>\n"
    )


def _case(finding: Finding, source: str, url: str | None) -> str:
    start = finding.range.start
    pointer = pointer_text(finding.path)
    told = f"line {start.line + 1}, col {start.character + 1}, {finding.message} ({finding.code}) at path {pointer}"
    if url is not None:
        told += f", {url}"
    return (
        f'<testcase time="0" name="org.spectral.{_attribute(f"{finding.code}({pointer})")}" '
        f'classname="{_attribute(_EXTENSION.sub("", source))}">'
        f'<failure message="{_attribute(finding.message)}">{_data(told)}</failure></testcase>\n'
    )


def _attribute(value: str) -> str:
    return _ESCAPED.sub(lambda found: _NAMED.get(found[0], f"&#{ord(found[0])};"), _FORBIDDEN.sub("", value))


def _data(value: str) -> str:
    return f"<![CDATA[{_FORBIDDEN.sub('', value).replace(']]>', ']]]]><![CDATA[>')}]]>"
