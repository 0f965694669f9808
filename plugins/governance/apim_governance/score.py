"""Scores: how good a document is, as one number from 0 to 1.

    score = exp(-0.1 * (1.0 * errors + 0.5 * warnings + 0.2 * infos + 0.1 * hints))

rounded to two decimals, halves to the even digit, as Gravitee's API Score does. Scores are decimals, so that means
and roundings are exact.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import attrs

from apim_governance.findings import Finding, Severity

__all__ = ["NOTHING", "Counts", "mean", "score"]

_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal("0.00")


@attrs.frozen
class Counts:
    """How many findings there are of each severity."""

    errors: int = 0
    warnings: int = 0
    infos: int = 0
    hints: int = 0

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Counts:
        """Count findings."""
        counted = Counter(finding.severity for finding in findings)
        return cls(*(counted[severity] for severity in Severity))

    @property
    def all(self) -> int:
        """How many there are in all."""
        return self.errors + self.warnings + self.infos + self.hints

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.errors + other.errors,
            self.warnings + other.warnings,
            self.infos + other.infos,
            self.hints + other.hints,
        )


NOTHING: Final = Counts()


def score(counts: Counts) -> Decimal:
    """The score of one document."""
    weighed = 1.0 * counts.errors + 0.5 * counts.warnings + 0.2 * counts.infos + 0.1 * counts.hints
    return _rounded(Decimal(repr(math.exp(-0.1 * weighed))))


def mean(scores: Iterable[Decimal]) -> Decimal:
    """The mean of scores, 0 if there are none."""
    values = list(scores)
    return _rounded(sum(values, _ZERO) / len(values)) if values else _ZERO


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_EVEN)
