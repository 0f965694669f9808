"""Compliance: the reports on APIs and policies, in the shapes and words of WSO2's governance API.

    API       COMPLIANT | NON-COMPLIANT | NOT-APPLICABLE | PENDING
    policy    FOLLOWED | VIOLATED | UNAPPLIED
    ruleset   PASSED | FAILED | UNAPPLIED

An API that is known but has not been evaluated yet is pending.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import attrs

from apim_governance.evaluating import Artifact, Evaluation, RulesetResult
from apim_governance.findings import Finding, Severity, path_text
from apim_governance.policies import Policy, State

__all__ = ["BLOCKED", "Compliance", "refusal", "ruleset_result"]

BLOCKED: Final = 903300
"""The code of an API that policies block."""
_SEVERITIES: Final = {Severity.ERROR: "ERROR", Severity.WARN: "WARN", Severity.INFO: "INFO", Severity.HINT: "INFO"}


_OF_POLICY: Final = {"FOLLOWED": "COMPLIANT", "VIOLATED": "NON-COMPLIANT", "UNAPPLIED": "NOT-APPLICABLE"}


@attrs.frozen
class Compliance:
    """What is known of all APIs: evaluations, and those that wait for theirs."""

    evaluations: tuple[Evaluation, ...]
    policies: tuple[Policy, ...] = ()
    pending: tuple[Artifact, ...] = ()

    def summary(self) -> dict[str, int]:
        """How many APIs there are of each status."""
        counted = Counter(evaluation.status for evaluation in self.evaluations)
        return {
            "total": len(self.evaluations) + len(self.pending),
            "compliant": counted["COMPLIANT"],
            "nonCompliant": counted["NON-COMPLIANT"],
            "pending": len(self.pending),
            "notApplicable": counted["NOT-APPLICABLE"],
        }

    def apis(self, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """All APIs with their status, or as many as ``limit`` says behind the first ``offset``."""
        known: tuple[Evaluation | Artifact, ...] = (*self.evaluations, *self.pending)
        listed = [_status(each) for each in known[offset : None if limit is None else offset + limit]]
        return {"count": len(listed), "list": listed}

    def api(self, artifact_id: str) -> dict[str, Any] | None:
        """One API with the policies that govern it, None if it is not known."""
        for artifact in self.pending:
            if artifact.id == artifact_id:
                return {"id": artifact_id, "status": "PENDING", "info": _info(artifact), "governedPolicies": []}
        for evaluation in self.evaluations:
            if evaluation.artifact.id == artifact_id:
                governed = [
                    {
                        "id": result.policy.name,
                        "name": result.policy.name,
                        "status": result.status,
                        "rulesetValidationResults": [
                            {"id": each.name, "name": each.name, "status": each.status.value}
                            for each in result.rulesets
                        ],
                    }
                    for result in evaluation.policies
                ]
                return {
                    "id": artifact_id,
                    "status": evaluation.status,
                    "info": _info(evaluation.artifact),
                    "governedPolicies": governed,
                }
        return None

    def adherence(self) -> dict[str, Any]:
        """All policies with their status over the APIs."""
        listed = [self._adherence(policy) for policy in self.policies]
        return {"count": len(listed), "list": listed}

    def policy(self, name: str, offset: int = 0, limit: int | None = None) -> dict[str, Any] | None:
        """One policy with the APIs that it was for, None if it is not known; which of them is said as in ``apis``."""
        policy = next((each for each in self.policies if each.name == name), None)
        if policy is None:
            return None
        judged = (
            {
                "id": evaluation.artifact.id,
                "status": _OF_POLICY[result.status],
                "info": _info(evaluation.artifact),
            }
            for evaluation in self.evaluations
            for result in evaluation.policies
            if result.policy.name == name
        )
        shown = list(islice(judged, offset, None if limit is None else offset + limit))
        return {"id": name, "name": name, "status": self._adherence(policy)["status"], "evaluatedArtifacts": shown}

    def adherence_summary(self) -> dict[str, int]:
        """How many policies there are of each status."""
        counted = Counter(self._adherence(policy)["status"] for policy in self.policies)
        return {
            "total": len(self.policies),
            "followed": counted["FOLLOWED"],
            "violated": counted["VIOLATED"],
            "unApplied": counted["UNAPPLIED"],
        }

    def _adherence(self, policy: Policy) -> dict[str, Any]:
        counted = Counter(
            result.status
            for evaluation in self.evaluations
            for result in evaluation.policies
            if result.policy.name == policy.name
        )
        status = "VIOLATED" if counted["VIOLATED"] else "FOLLOWED" if counted["FOLLOWED"] else "UNAPPLIED"
        summary = {"compliant": counted["FOLLOWED"], "nonCompliant": counted["VIOLATED"]}
        return {"id": policy.name, "name": policy.name, "status": status, "artifactComplianceSummary": summary}


def ruleset_result(
    result: RulesetResult, descriptions: Mapping[str, str] | None = None, most: int | None = None
) -> dict[str, Any]:
    """How one API holds against one ruleset, rule by rule; ``descriptions`` are those of rules.

    ``most`` bounds how many violations are told.
    """
    descriptions = descriptions or {}
    failed = {finding.code for finding in result.findings}
    followed = [
        {"id": name, "name": name, "status": "PASSED", "description": descriptions.get(name, "")}
        for name in result.rules
        if name not in failed
    ]
    return {
        "id": result.name,
        "name": result.name,
        "status": result.status.value,
        "violatedRules": [_violation(finding, descriptions) for finding in result.findings[:most]],
        "followedRules": followed,
    }


def refusal(evaluation: Evaluation, state: State) -> dict[str, Any] | None:
    """The error of status 400 for an API that policies block in a state, None if they do not."""
    blocking = evaluation.asked(state, "block")
    if not blocking:
        return None
    by_policy: dict[str, list[dict[str, Any]]] = {}
    for policy, finding in blocking:
        by_policy.setdefault(policy.name, []).append(_violation(finding, {}))
    violations = [{"policy": name, "violatedRules": rules} for name, rules in by_policy.items()]
    return {
        "code": BLOCKED,
        "message": "Blocked by governance policies",
        "description": json.dumps({"blockingViolations": violations}),
    }


def _status(evaluation: Evaluation | Artifact) -> dict[str, Any]:
    if isinstance(evaluation, Artifact):
        return {
            "id": evaluation.id,
            "status": "PENDING",
            "info": _info(evaluation),
            "policyAdherenceSummary": {"total": 0, "followed": 0, "violated": 0, "unApplied": 0},
            "severityBasedRuleViolationSummary": [],
        }
    counted = Counter(result.status for result in evaluation.policies)
    return {
        "id": evaluation.artifact.id,
        "status": evaluation.status,
        "info": _info(evaluation.artifact),
        "policyAdherenceSummary": {
            "total": len(evaluation.policies),
            "followed": counted["FOLLOWED"],
            "violated": counted["VIOLATED"],
            "unApplied": counted["UNAPPLIED"],
        },
        "severityBasedRuleViolationSummary": _by_severity(evaluation),
    }


def _by_severity(evaluation: Evaluation) -> list[dict[str, Any]]:
    violated: set[tuple[str, str, str]] = set()
    for policy in evaluation.policies:
        for result in policy.rulesets:
            violated |= {(_SEVERITIES[finding.severity], result.name, finding.code) for finding in result.findings}
    counted = Counter(severity for severity, _, _ in violated)
    return [
        {"severity": severity, "violatedRulesCount": counted[severity]}
        for severity in ("ERROR", "WARN", "INFO")
        if counted[severity]
    ]


def _violation(finding: Finding, descriptions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": finding.code,
        "name": finding.code,
        "status": "FAILED",
        "severity": _SEVERITIES[finding.severity],
        "violatedPath": {"path": path_text(finding.path), "description": finding.message},
        "message": finding.message,
        "description": descriptions.get(finding.code, ""),
    }


def _info(artifact: Artifact) -> dict[str, str]:
    return {"name": artifact.name, "type": "API", "version": artifact.version, "owner": artifact.owner}
