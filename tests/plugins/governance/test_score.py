"""Scores: the formula, its roundings, and means."""

from __future__ import annotations

from decimal import Decimal

import pytest
from apim_governance.findings import NOWHERE, Finding, Severity
from apim_governance.score import NOTHING, Counts, mean, score
from hypothesis import given
from hypothesis import strategies as st

numbers = st.integers(0, 200)
counts = st.builds(Counts, numbers, numbers, numbers, numbers)


@pytest.mark.parametrize(
    ("expected", "counted"),
    [
        ("1.00", Counts()),
        ("0.99", Counts(hints=1)),
        ("0.98", Counts(infos=1)),
        ("0.95", Counts(warnings=1)),
        ("0.90", Counts(errors=1)),
        ("0.55", Counts(4, 3, 2, 1)),
        ("0.00", Counts(errors=10_000)),
    ],
)
def test_a_score_falls_with_the_weight_of_what_is_found(expected: str, counted: Counts) -> None:
    assert Decimal(expected) == score(counted)


@pytest.mark.parametrize(
    ("expected", "scores"),
    [("0.00", []), ("0.92", ["0.95", "0.90"]), ("0.94", ["0.95", "0.94", "0.94"]), ("0.94", ["0.93", "0.94"])],
)
def test_a_mean_is_rounded_with_halves_to_the_even_digit(expected: str, scores: list[str]) -> None:
    assert Decimal(expected) == mean(map(Decimal, scores))


def test_findings_are_counted_by_severity() -> None:
    findings = [Finding("rule", "", severity, (), NOWHERE) for severity in (*Severity, Severity.HINT)]
    assert Counts(1, 1, 1, 2) == Counts.of(findings)
    assert Counts.of(findings).all == len(findings)


@given(counts, counts)
def test_more_findings_never_raise_a_score(some: Counts, more: Counts) -> None:
    assert score(some + more) <= score(some) <= score(NOTHING)
