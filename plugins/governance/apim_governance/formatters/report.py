"""What formatters are given, and what several of them need."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import PurePath
from typing import Final

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.findings import Finding, Severity

__all__ = [
    "SEVERITY_NAMES",
    "Report",
    "RuleFacts",
    "by_source",
    "counts_text",
    "heaviest",
    "path_label",
    "relative_source",
    "units",
    "visible",
]

SEVERITY_NAMES: Final[Mapping[Severity, str]] = {
    Severity.ERROR: "error",
    Severity.WARN: "warning",
    Severity.INFO: "information",
    Severity.HINT: "hint",
}
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it, but for line breaks: controls (ECMA-48) and changes of direction."""
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|0[xX][0-9a-fA-F]+")


@attrs.frozen
class RuleFacts:
    """What a report says of a rule itself."""

    description: str | None = None
    documentation_url: str | None = None


@attrs.frozen
class Report:
    """Findings, in their order, with what formatters may need besides.

    ``rules`` are all rules of the ruleset, also those that are off; ``folder`` is what paths are shown relative to by
    formats for build servers; ``columns`` the width of the terminal; ``now`` when the report is made; ``with_urls``
    whether findings are told with where their rules are described.
    """

    findings: Sequence[Finding]
    rules: Mapping[str, RuleFacts] = attrs.field(factory=dict)
    fail_severity: Severity = Severity.ERROR
    folder: str = attrs.field(factory=os.getcwd)
    columns: int = 80
    colours: bool = False
    now: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    with_urls: bool = False

    def url_of(self, finding: Finding) -> str | None:
        """Where the rule of a finding is described, if that is to be told."""
        return finding.documentation_url if self.with_urls else None


def by_source(findings: Sequence[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Findings of each source."""
    for source, found in groupby(findings, key=lambda finding: finding.source or ""):
        yield source, list(found)


def counts_text(findings: Sequence[Finding]) -> str:
    """``3 problems (1 error, 2 warnings, 0 infos, 0 hints)``."""
    parts = []
    for severity, name in zip(Severity, ("error", "warning", "info", "hint"), strict=True):
        parts.append(_number(sum(finding.severity is severity for finding in findings), name))
    return f"{_number(len(findings), 'problem')} ({', '.join(parts)})"


def _number(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def heaviest(findings: Sequence[Finding]) -> Severity:
    """The gravest severity among findings."""
    return min(finding.severity for finding in findings)


def path_label(path: JSONPath) -> str:
    """A path as tables show it: ``paths./orders.get.responses[200]``, ``['two words'].name``."""
    text = ""
    for part in path:
        name = str(part)
        if isinstance(part, int) or _NUMBER.fullmatch(name):
            text += f"[{name}]"
        elif not name or any(letter.isspace() for letter in name):
            text += f"['{name}']"
        else:
            text += f".{name}" if text else name
    return text


def relative_source(report: Report, finding: Finding) -> str:
    """The source of a finding from the folder of the report on, if it is a file."""
    source = finding.source or ""
    if not PurePath(source).is_absolute():
        return source
    return PurePath(os.path.relpath(source, report.folder)).as_posix()


def units(text: str) -> int:
    """The length of a text in UTF-16 code units, by which tables of Spectral are laid out."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """A text of somebody else as a terminal may have it."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
