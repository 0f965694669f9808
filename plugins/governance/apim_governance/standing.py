"""How the APIs of a configuration stand: what is kept of their evaluations for who asks later, without the documents.

It is worked out where APIs are judged, in the background, so that an answer has little left to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from apim_governance.compliance import Compliance
from apim_governance.evaluating import Evaluation
from apim_governance.judging import report
from apim_governance.policies import Policy
from apim_governance.reports import APIReport, Overview, summary_of
from apim_governance.rulesets.model import Ruleset
from apim_governance.score import Counts

__all__ = ["RulesetFacts", "Standing", "Summary"]


@attrs.frozen
class RulesetFacts:
    """What is told of a ruleset: descriptions by rule, and the formats that it is for (none: any)."""

    name: str
    descriptions: Mapping[str, str]
    formats: tuple[str, ...]

    @classmethod
    def of(cls, name: str, ruleset: Ruleset) -> RulesetFacts:
        """Those of a compiled ruleset."""
        return cls(name, {rule.name: rule.description or "" for rule in ruleset.rules.values()}, ruleset.formats)


@attrs.frozen
class Summary:
    """The score of one API, with how much was found."""

    api: str
    score: Decimal
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        """An element of a list of scores."""
        return {"apiId": self.api, **summary_of(self.score, self.counts)}


@attrs.frozen
class Standing:
    """``evaluations`` and ``reports`` are by the id of the API; ``worst`` begins with the lowest score."""

    evaluations: Mapping[str, Evaluation]
    reports: Mapping[str, APIReport]
    worst: tuple[Summary, ...]
    overview: Mapping[str, Any]
    compliance: Compliance
    compliance_summary: Mapping[str, int]
    adherence: Mapping[str, Any]
    adherence_summary: Mapping[str, int]
    policies: tuple[Policy, ...]
    rulesets: Mapping[str, RulesetFacts]

    @classmethod
    def of(
        cls,
        evaluations: Iterable[Evaluation],
        policies: tuple[Policy, ...],
        rulesets: Mapping[str, Ruleset],
        now: datetime,
    ) -> Standing:
        """What evaluations come to at a time."""
        every = tuple(evaluations)
        reports = {each.artifact.id: report(each, now) for each in every}
        rules: dict[tuple[str, ...], tuple[str, ...]] = {}
        slim = tuple(_slim(each, rules) for each in every)
        summaries = [Summary(each.api, each.score, each.counts) for each in reports.values()]
        overview = Overview(tuple(reports.values()))
        compliance = Compliance(slim, policies)
        return cls(
            {each.artifact.id: each for each in slim},
            reports,
            tuple(sorted(summaries, key=lambda each: (each.score, each.api))),
            overview.summary(),
            compliance,
            compliance.summary(),
            compliance.adherence(),
            compliance.adherence_summary(),
            policies,
            {name: RulesetFacts.of(name, ruleset) for name, ruleset in rulesets.items()},
        )


def _slim(evaluation: Evaluation, rules: dict[tuple[str, ...], tuple[str, ...]]) -> Evaluation:
    """An evaluation without its documents; lists of rules that are the same are one."""
    policies = tuple(
        attrs.evolve(
            policy,
            rulesets=tuple(
                attrs.evolve(each, rules=rules.setdefault(each.rules, each.rules)) for each in policy.rulesets
            ),
        )
        for policy in evaluation.policies
    )
    return Evaluation(attrs.evolve(evaluation.artifact, documents=()), policies)
