"""Reports: the score of an API over all documents that it has, and of many APIs.

An API's score is the mean over its assets, those without processing errors; the overview's is the mean over APIs.
``to_json`` answers the shapes of Gravitee's API Score, so that what reads those reads ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from apim_governance.documents.document import PARSER, Document
from apim_governance.documents.formats import formats_of
from apim_governance.findings import Finding, Severity, path_text
from apim_governance.score import NOTHING, Counts, mean, score

__all__ = [
    "APIReport",
    "AssetReport",
    "Overview",
    "ProcessingError",
    "asset_of",
    "asset_type",
    "summary_of",
    "time_text",
]

_TYPES: Final = (
    ("oas2", "SWAGGER"),
    ("oas3", "SWAGGER"),
    ("aas2", "ASYNCAPI"),
    ("aas3", "ASYNCAPI"),
    ("gravitee-proxy", "GRAVITEE_DEFINITION"),
    ("gravitee-message", "GRAVITEE_DEFINITION"),
    ("gravitee-native", "GRAVITEE_DEFINITION"),
    ("wso2-api", "WSO2_API_PROJECT"),
    ("apim-api", "APIM_DEFINITION"),
    ("apim-configuration", "APIM_DEFINITION"),
)


@attrs.frozen
class ProcessingError:
    """Why a document could not be looked at; ``path`` is where in it."""

    code: str
    path: tuple[str, ...] = ()


@attrs.frozen
class AssetReport:
    """What was found in one document of an API. One with ``errors`` has no score."""

    name: str
    type: str
    findings: tuple[Finding, ...] = ()
    errors: tuple[ProcessingError, ...] = ()

    @property
    def counts(self) -> Counts:
        """How much was found."""
        return Counts.of(self.findings)

    @property
    def score(self) -> Decimal | None:
        """Its score, None if it could not be looked at."""
        return None if self.errors else score(self.counts)

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """An element of ``assets``, with at most so many ``diagnostics``."""
        return {
            "name": self.name,
            "type": self.type,
            "diagnostics": [_diagnostic(finding) for finding in self.findings[:most]],
            "errors": [{"code": error.code, "path": list(error.path)} for error in self.errors],
        }


@attrs.frozen
class APIReport:
    """The score of an API. ``created`` has a time zone."""

    id: str
    api: str
    created: datetime = attrs.field()
    assets: tuple[AssetReport, ...]

    @created.validator
    def _aware(self, attribute: attrs.Attribute[datetime], value: datetime) -> None:
        if value.tzinfo is None:
            raise ValueError("the time of a report needs a time zone")

    @property
    def counts(self) -> Counts:
        """How much was found in all its documents."""
        return sum((asset.counts for asset in self.assets), NOTHING)

    @property
    def score(self) -> Decimal:
        """The mean over the documents that could be looked at, 0 if there is none."""
        return mean(value for asset in self.assets if (value := asset.score) is not None)

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """The report of one API, with at most so many ``diagnostics`` of each asset; the summary counts all."""
        return {
            "id": self.id,
            "apiId": self.api,
            "createdAt": time_text(self.created),
            "summary": summary_of(self.score, self.counts),
            "assets": [asset.to_json(most) for asset in self.assets],
        }


@attrs.frozen
class Overview:
    """The scores of many APIs."""

    reports: tuple[APIReport, ...]

    @property
    def counts(self) -> Counts:
        """How much was found in all of them."""
        return sum((report.counts for report in self.reports), NOTHING)

    @property
    def score(self) -> Decimal:
        """The mean over the APIs, 0 if there are none."""
        return mean(report.score for report in self.reports)

    def summary(self) -> dict[str, Any]:
        """The summary of all."""
        return summary_of(self.score, self.counts)

    def to_json(self) -> dict[str, Any]:
        """The overview: the summary of all, and one of each API, the worst first."""
        worst = sorted(self.reports, key=lambda report: (report.score, report.api))
        return {
            "summary": self.summary(),
            "apis": [{"apiId": report.api, **summary_of(report.score, report.counts)} for report in worst],
        }


def asset_of(name: str, document: Document, findings: Iterable[Finding]) -> AssetReport:
    """The report of a document that was linted; one that could not be read has processing errors in place of it."""
    if document.data is None and document.problems:
        return AssetReport(name, asset_type(frozenset()), (), (ProcessingError(PARSER),))
    return AssetReport(name, asset_type(formats_of(document.data)), tuple(findings))


def asset_type(formats: frozenset[str]) -> str:
    """What kind of asset documents of these formats are."""
    return next((kind for name, kind in _TYPES if name in formats), "DOCUMENT")


def time_text(value: datetime) -> str:
    """A time as reports have it: UTC, to the millisecond."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary_of(value: Decimal, counts: Counts) -> dict[str, Any]:
    """The ``summary`` of a report."""
    return {"score": float(value), "all": counts.all, **attrs.asdict(counts)}


def _diagnostic(finding: Finding) -> dict[str, Any]:
    start, end = finding.range.start, finding.range.end
    return {
        "severity": Severity(finding.severity).name,
        "range": {"start": attrs.asdict(start), "end": attrs.asdict(end)},
        "rule": finding.code,
        "message": finding.message,
        "path": path_text(finding.path),
    }
