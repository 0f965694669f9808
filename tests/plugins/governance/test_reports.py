"""Reports: the JSON of one API and of many."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from apim_governance.documents.document import read_document
from apim_governance.findings import Finding, Position, Range, Severity
from apim_governance.reports import APIReport, AssetReport, Overview, asset_of

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
FINDING = Finding(
    "info-contact", "Info object must have contact.", Severity.WARN, ("info",), Range(Position(1, 2), Position(3, 4))
)


def report(api: str, *assets: AssetReport) -> APIReport:
    return APIReport(f"report-{api}", api, NOW, assets)


def test_a_report_has_the_shape_of_the_api_score() -> None:
    asset = asset_of("openapi.yaml", read_document("openapi: 3.1.0\ninfo: {}\n"), [FINDING])
    expected = {
        "id": "report-orders",
        "apiId": "orders",
        "createdAt": "2026-11-30T12:00:00.000Z",
        "summary": {"score": 0.95, "all": 1, "errors": 0, "warnings": 1, "infos": 0, "hints": 0},
        "assets": [
            {
                "name": "openapi.yaml",
                "type": "SWAGGER",
                "diagnostics": [
                    {
                        "severity": "WARN",
                        "range": {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}},
                        "rule": "info-contact",
                        "message": "Info object must have contact.",
                        "path": "info",
                    }
                ],
                "errors": [],
            }
        ],
    }
    assert expected == report("orders", asset).to_json()


def test_an_asset_that_cannot_be_read_counts_neither_for_nor_against() -> None:
    broken = asset_of("asyncapi.yaml", read_document("a: [1"), [])
    assert [{"code": "parser", "path": []}] == broken.to_json()["errors"]
    assert Decimal("0.95") == report("orders", AssetReport("a", "SWAGGER", (FINDING,)), broken).score
    assert Decimal("0.00") == report("orders", broken).score


def test_an_overview_is_the_mean_of_the_apis_with_the_worst_first() -> None:
    good, bad = AssetReport("a", "SWAGGER"), AssetReport("b", "SWAGGER", (FINDING, FINDING))
    overview = Overview((report("good", good), report("bad", bad))).to_json()
    assert {"score": 0.95, "all": 2, "errors": 0, "warnings": 2, "infos": 0, "hints": 0} == overview["summary"]
    assert ["bad", "good"] == [each["apiId"] for each in overview["apis"]]


def test_a_report_needs_a_time_with_a_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        APIReport("1", "orders", datetime(2026, 11, 30), ())  # that is what is tested
