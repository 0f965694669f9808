"""``html``: a page with a table that unfolds for each source.

The page around the rows is ``report.html``; it is the one that Spectral writes, so that what reads it stays as it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import SEVERITY_NAMES, Report, by_source, counts_text, heaviest

__all__ = ["text"]

_PLACE: Final = re.compile("@([a-z]+)@")


def text(report: Report) -> str:
    """The report as a page."""
    page = files(__package__).joinpath("report.html").read_text("utf-8")
    findings = report.findings
    facts = {
        "severity": SEVERITY_NAMES[heaviest(findings)] if findings else "success",
        "counts": counts_text(findings),
        "date": datetime.now(UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)"),
        "rows": "\n".join(_source(number, source, found) for number, (source, found) in enumerate(by_source(findings))),
    }
    return _PLACE.sub(lambda found: facts[found[1]], page)


def _source(number: int, source: str, findings: list[Finding]) -> str:
    heading = (
        f'<tr class="bg-{SEVERITY_NAMES[heaviest(findings)]}" data-group="f-{number}">\n'
        f'    <th colspan="4">\n'
        f"        [+] {_escaped(source)}\n"
        f"        <span>{counts_text(findings)}</span>\n"
        f"    </th>\n"
        f"</tr>\n"
    )
    return heading + "\n".join(_row(number, finding) for finding in findings)


def _row(number: int, finding: Finding) -> str:
    start, severity = finding.range.start, SEVERITY_NAMES[finding.severity]
    url = finding.documentation_url
    link = "" if url is None else f'    <td><a href="{_escaped(url)}" target="_blank">documentation</a></td>\n'
    return (
        f'<tr style="display:none" class="f-{number}">\n'
        f"    <td>{start.line + 1}:{start.character + 1}</td>\n"
        f'    <td class="severity clr-{severity}">{severity}</td>\n'
        f"    <td>{_escaped(finding.message)}</td>\n"
        f"{link}</tr>\n"
    )


def _escaped(value: str) -> str:
    return escape(value).replace("&#x27;", "&#39;")
