"""``html``: a page with a table for each source, which folds. It loads nothing, and nothing in it runs.

The page around the tables is ``report.html``.
"""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from typing import Final

from apim_governance.findings import Finding
from apim_governance.formatters.report import (
    SEVERITY_NAMES,
    Report,
    by_source,
    counts_text,
    heaviest,
    path_label,
)

__all__ = ["text"]

_PLACE: Final = re.compile("@([a-z]+)@")
_MOST_OPEN: Final = 100
"""Findings up to which a table is unfolded."""
_NO_SOURCE: Final = "no file"
_NONE: Final = "<p>Nothing was found.</p>"
_HEADING: Final = (
    '<thead><tr><th scope="col">Place</th><th scope="col">Severity</th><th scope="col">Message</th>'
    '<th scope="col">Rule</th><th scope="col">Path</th></tr></thead>'
)


def text(report: Report) -> str:
    """The report as a page."""
    page = files(__package__).joinpath("report.html").read_text("utf-8")
    findings = report.findings
    facts = {
        "severity": SEVERITY_NAMES[heaviest(findings)] if findings else "success",
        "counts": counts_text(findings),
        "date": report.now.isoformat(timespec="seconds"),
        "shown": report.now.strftime("%Y-%m-%d %H:%M %Z"),
        "sources": "\n".join(_source(source, found) for source, found in by_source(findings)) or _NONE,
    }
    return _PLACE.sub(lambda found: facts[found[1]], page)


def _source(source: str, findings: list[Finding]) -> str:
    unfolded = " open" if len(findings) <= _MOST_OPEN else ""
    rows = "\n".join(_row(finding) for finding in findings)
    return (
        f'<details{unfolded}>\n<summary class="{SEVERITY_NAMES[heaviest(findings)]}">'
        f"<b>{escape(source or _NO_SOURCE)}</b> <span>{counts_text(findings)}</span></summary>\n"
        f"<table>\n{_HEADING}\n<tbody>\n{rows}\n</tbody>\n</table>\n</details>"
    )


def _row(finding: Finding) -> str:
    start, severity = finding.range.start, SEVERITY_NAMES[finding.severity]
    rule, url = f"<code>{escape(finding.code)}</code>", finding.documentation_url
    if url is not None and url.startswith(("https://", "http://")):
        rule = f'<a href="{escape(url)}" rel="noreferrer">{rule}</a>'
    return (
        f'<tr><td class="place">{start.line + 1}:{start.character + 1}</td><td class="level {severity}">{severity}</td>'
        f'<td class="message">{escape(finding.message)}</td><td class="rule">{rule}</td>'
        f"<td><code>{escape(path_label(finding.path))}</code></td></tr>"
    )
