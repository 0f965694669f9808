"""Evaluates APIs by policies: which rulesets they pass, and which policies they follow, in the words of WSO2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Literal

import attrs

from apim_governance.documents.document import Document
from apim_governance.documents.formats import formats_of
from apim_governance.findings import Finding
from apim_governance.linter import Linter, Read
from apim_governance.policies import Policy, State
from apim_governance.rulesets.model import Ruleset
from apim_governance.waivers import Waiver, Waivers

__all__ = ["Artifact", "Evaluation", "Evaluator", "PolicyResult", "RuleStatus", "RulesetResult", "Waived"]


class RuleStatus(Enum):
    """How a ruleset, a policy or an API came off."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    UNAPPLIED = "UNAPPLIED"


@attrs.frozen
class Artifact:
    """An API with all documents that say something of it."""

    name: str
    version: str
    documents: tuple[Document, ...] = attrs.field(repr=False)
    labels: tuple[str, ...] = ()
    owner: str = ""

    @property
    def id(self) -> str:
        """What reports call it by."""
        return f"{self.name}:{self.version}"


@attrs.frozen
class Waived:
    """A finding that a waiver lets pass."""

    finding: Finding
    waiver: Waiver


@attrs.frozen
class RulesetResult:
    """How the documents of an API hold against a ruleset; ``rules`` are those that were looked at."""

    name: str
    status: RuleStatus
    rules: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()


@attrs.frozen
class PolicyResult:
    """How an API holds against a policy."""

    policy: Policy
    rulesets: tuple[RulesetResult, ...]

    @property
    def status(self) -> Literal["FOLLOWED", "VIOLATED", "UNAPPLIED"]:
        """Violated if any ruleset is, unapplied if none was for the API's documents."""
        found = {result.status for result in self.rulesets}
        if RuleStatus.FAILED in found:
            return "VIOLATED"
        return "FOLLOWED" if RuleStatus.PASSED in found else "UNAPPLIED"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that counts."""
        return tuple(finding for result in self.rulesets for finding in result.findings)


@attrs.frozen
class Evaluation:
    """How an API holds against all policies that are for it."""

    artifact: Artifact
    policies: tuple[PolicyResult, ...]

    @property
    def status(self) -> Literal["COMPLIANT", "NON-COMPLIANT", "NOT-APPLICABLE"]:
        """Whether it follows all of them; not applicable where none says anything of it."""
        found = {result.status for result in self.policies}
        if "VIOLATED" in found:
            return "NON-COMPLIANT"
        return "COMPLIANT" if "FOLLOWED" in found else "NOT-APPLICABLE"

    def asked(self, state: State, action: Literal["notify", "block"]) -> tuple[tuple[Policy, Finding], ...]:
        """Findings for which policies want that action in a state."""
        return tuple(
            (result.policy, finding)
            for result in self.policies
            for finding in result.findings
            if result.policy.action(state, finding.severity) == action
        )


class Evaluator:
    """Evaluates APIs by policies. A ruleset is run once for an API, however many policies have it."""

    def __init__(
        self, policies: Iterable[Policy], rulesets: Mapping[str, Ruleset], waivers: Waivers, read: Read | None = None
    ) -> None:
        self.policies = tuple(policies)
        self._linters = {name: Linter(ruleset) for name, ruleset in rulesets.items()}
        self._rulesets = rulesets
        self._waivers = waivers
        self._read = read

    def evaluate(self, artifact: Artifact) -> Evaluation:
        """Run all rulesets that policies for the API have."""
        results: dict[str, RulesetResult] = {}
        found = []
        for policy in self.policies:
            if policy.covers(artifact.labels):
                for name in policy.rulesets:
                    if name not in results:
                        results[name] = self._ruleset(name, artifact)
                found.append(PolicyResult(policy, tuple(results[name] for name in policy.rulesets)))
        return Evaluation(artifact, tuple(found))

    def _ruleset(self, name: str, artifact: Artifact) -> RulesetResult:
        ruleset, linter = self._rulesets[name], self._linters[name]
        rules: dict[str, None] = {}
        findings: dict[Finding, None] = {}
        applied = False
        for document in artifact.documents:
            if document.data is None and document.problems:  # what cannot be read follows nothing
                applied = True
                findings.update(dict.fromkeys(document.problems))
                continue
            formats = formats_of(document.data)
            if ruleset.formats and formats.isdisjoint(ruleset.formats):
                continue
            applied = True
            findings.update(dict.fromkeys(linter.lint(document, self._read)))
            rules.update(
                (rule.name, None)
                for rule in ruleset.rules.values()
                if rule.formats is None or not rule.formats.isdisjoint(formats)
            )
        if not applied:
            return RulesetResult(name, RuleStatus.UNAPPLIED)
        counting, waived = [], []
        for finding in findings:
            waiver = self._waivers.waiver(artifact.name, artifact.version, finding)
            if waiver is None:
                counting.append(finding)
            else:
                waived.append(Waived(finding, waiver))
        status = RuleStatus.FAILED if counting else RuleStatus.PASSED
        return RulesetResult(name, status, tuple(rules), tuple(counting), tuple(waived))
