"""Policies: which rulesets which APIs must follow, and what happens where they do not.

A policy groups rulesets, and is attached to APIs by labels (``GLOBAL``: to all) and to states of their life. Its
actions say what a finding of a severity does when an API comes into a state: ``notify`` tells, ``block`` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import attrs

from apim_governance.findings import Severity

__all__ = ["GLOBAL", "Action", "Policy", "State"]

State = Literal["create", "update", "deploy", "publish"]
Level = Literal["error", "warn", "info"]
GLOBAL: Final = "GLOBAL"
_LEVELS: Final[Mapping[Severity, Level]] = {
    Severity.ERROR: "error",
    Severity.WARN: "warn",
    Severity.INFO: "info",
    Severity.HINT: "info",
}


@attrs.frozen
class Action:
    """What a finding of a severity does in a state."""

    state: State
    """In which state: `create`, `update`, `deploy` or `publish`."""
    severity: Level
    """Findings of which severity: `error`, `warn` or `info`, which hints count as."""
    type: Literal["notify", "block"]
    """`notify` tells of it, `block` refuses the API; only a deployment or a publication can be blocked."""

    def __attrs_post_init__(self) -> None:
        if self.type == "block" and self.state not in ("deploy", "publish"):
            raise ValueError(f"only deploy and publish can be blocked, not {self.state}: use notify")


def _not_empty(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"a policy needs {attribute.name}")


@attrs.frozen
class Policy:
    """Rulesets, the APIs that must follow them, and what happens where they do not."""

    name: str = attrs.field(validator=attrs.validators.and_(_not_empty, attrs.validators.max_len(256)))
    """Name of the policy."""
    rulesets: tuple[str, ...] = attrs.field(validator=_not_empty)
    """Rulesets by name (`apim:recommended`, `spectral:oas`) or file, relative to the configuration's own."""
    actions: tuple[Action, ...] = ()
    """What findings do, by state and severity; a finding without an action only shows in the report."""
    labels: tuple[str, ...] = attrs.field(default=(GLOBAL,), validator=_not_empty)
    """Labels of the APIs that it is for; `GLOBAL` is all of them."""
    description: str = attrs.field(default="", validator=attrs.validators.max_len(1024))
    """What the policy is for."""

    def covers(self, labels: Iterable[str]) -> bool:
        """Whether it is for an API with these labels."""
        return GLOBAL in self.labels or not set(self.labels).isdisjoint(labels)

    def action(self, state: State, severity: Severity) -> Literal["notify", "block"] | None:
        """What a finding does in a state, the hardest of all actions that are for it."""
        types = {each.type for each in self.actions if (each.state, each.severity) == (state, _LEVELS[severity])}
        return "block" if "block" in types else "notify" if types else None


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
