"""Policies, waivers and the compliance report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apim_governance.compliance import Compliance, refusal, ruleset_result
from apim_governance.documents.document import read_document
from apim_governance.evaluating import Artifact, Evaluation, Evaluator
from apim_governance.policies import Action, Policy
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.model import Ruleset
from apim_governance.rulesets.reading import Rulesets
from apim_governance.waivers import Waiver, Waivers

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RULES = {
    "formats": ["oas3"],
    "rules": {
        "contact": {"given": "$.info", "severity": "error", "then": {"field": "contact", "function": "truthy"}},
        "license": {"given": "$.info", "severity": "warn", "then": {"field": "license", "function": "truthy"}},
    },
}
GOOD = "openapi: 3.1.0\ninfo: {contact: {name: a}, license: {name: b}}\n"
BAD = "openapi: 3.1.0\ninfo: {license: {name: b}}\n"
BLOCKING = Policy("Platform", ("ours",), (Action("deploy", "error", "block"), Action("deploy", "warn", "notify")))


def ruleset(written: Any) -> Ruleset:
    rulesets = Rulesets()
    return Compiler(rulesets.define(written), rulesets.catalogue).ruleset()


def evaluator(*policies: Policy, waivers: tuple[Waiver, ...] = ()) -> Evaluator:
    return Evaluator(policies, {"ours": ruleset(RULES)}, Waivers(waivers, NOW))


def artifact(text: str, name: str = "Orders", labels: tuple[str, ...] = ()) -> Artifact:
    return Artifact(name, "1.0", (read_document(text),), labels, "jane")


def evaluated(text: str, *policies: Policy, waivers: tuple[Waiver, ...] = ()) -> Evaluation:
    return evaluator(*(policies or (BLOCKING,)), waivers=waivers).evaluate(artifact(text))


def test_an_api_that_follows_its_policies_is_compliant() -> None:
    evaluation = evaluated(GOOD)
    assert ("COMPLIANT", ["FOLLOWED"]) == (evaluation.status, [each.status for each in evaluation.policies])
    assert refusal(evaluation, "deploy") is None


def test_an_api_that_breaks_a_rule_is_not_compliant_and_is_blocked_where_the_policy_says_so() -> None:
    evaluation = evaluated(BAD)
    assert ("NON-COMPLIANT", ["VIOLATED"]) == (evaluation.status, [each.status for each in evaluation.policies])
    error = refusal(evaluation, "deploy")
    assert error is not None
    assert 903300 == error["code"]
    assert [("Platform", ["contact"])] == [
        (each["policy"], [rule["name"] for rule in each["violatedRules"]])
        for each in json.loads(error["description"])["blockingViolations"]
    ]
    assert refusal(evaluation, "publish") is None


def test_findings_of_a_lesser_severity_only_notify() -> None:
    evaluation = evaluated("openapi: 3.1.0\ninfo: {contact: {name: a}}\n")
    assert () == evaluation.asked("deploy", "block")
    assert ["license"] == [finding.code for _, finding in evaluation.asked("deploy", "notify")]


def test_no_policy_applies_to_documents_of_other_formats() -> None:
    evaluation = evaluated("asyncapi: 3.0.0\n")
    assert ("NOT-APPLICABLE", ["UNAPPLIED"]) == (evaluation.status, [each.status for each in evaluation.policies])


def test_a_document_that_cannot_be_read_follows_no_policy() -> None:
    evaluation = evaluated("openapi: [3.1.0\n")
    assert ("NON-COMPLIANT", ["parser"]) == (evaluation.status, [each.code for each in evaluation.policies[0].findings])


def test_a_policy_is_for_apis_with_one_of_its_labels() -> None:
    policy = Policy("Public", ("ours",), labels=("public", "partner"))
    statuses = [
        evaluator(policy).evaluate(artifact(BAD, labels=labels)).status for labels in ((), ("internal",), ("partner",))
    ]
    assert ["NOT-APPLICABLE", "NOT-APPLICABLE", "NON-COMPLIANT"] == statuses


@pytest.mark.parametrize("state", ["create", "update"])
def test_only_deploy_and_publish_can_be_blocked(state: Any) -> None:
    with pytest.raises(ValueError, match="only deploy and publish can be blocked"):
        Action(state, "error", "block")


def test_a_waiver_lets_pass_what_it_is_for() -> None:
    waiver = Waiver("contact", "the team is being formed", NOW + timedelta(days=1), api="Ord*")
    evaluation = evaluated(BAD, waivers=(waiver,))
    assert "COMPLIANT" == evaluation.status
    assert [waiver] == [each.waiver for each in evaluation.policies[0].rulesets[0].waived]


@pytest.mark.parametrize(
    "waiver",
    [
        Waiver("contact", "expired", NOW),
        Waiver("license", "of another rule", NOW + timedelta(days=1)),
        Waiver("contact", "of another API", NOW + timedelta(days=1), api="Users"),
        Waiver("contact", "of another version", NOW + timedelta(days=1), version="2.*"),
        Waiver("contact", "of another place", NOW + timedelta(days=1), path="inf"),
    ],
    ids=lambda waiver: waiver.reason,
)
def test_any_other_waiver_does_not(waiver: Waiver) -> None:
    assert "NON-COMPLIANT" == evaluated(BAD, waivers=(waiver,)).status


def test_a_waiver_says_why_and_ends_at_a_time_with_a_zone() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Waiver("contact", " ", NOW)
    with pytest.raises(ValueError, match="needs a time zone"):
        Waiver("contact", "because", datetime(2027, 1, 1))  # that is what is tested


def test_the_report_has_the_words_and_shapes_of_the_governance_api() -> None:
    engine = evaluator(BLOCKING)
    good, bad = engine.evaluate(artifact(GOOD, "Good")), engine.evaluate(artifact(BAD, "Bad"))
    compliance = Compliance((good, bad), engine.policies, (artifact(GOOD, "New"),))
    assert {"total": 3, "compliant": 1, "nonCompliant": 1, "pending": 1, "notApplicable": 0} == compliance.summary()
    assert ["COMPLIANT", "NON-COMPLIANT", "PENDING"] == [each["status"] for each in compliance.apis()["list"]]
    assert {
        "id": "Bad:1.0",
        "status": "NON-COMPLIANT",
        "info": {"name": "Bad", "type": "API", "version": "1.0", "owner": "jane"},
        "policyAdherenceSummary": {"total": 1, "followed": 0, "violated": 1, "unApplied": 0},
        "severityBasedRuleViolationSummary": [{"severity": "ERROR", "violatedRulesCount": 1}],
    } == compliance.apis()["list"][1]
    assert {"total": 1, "followed": 0, "violated": 1, "unApplied": 0} == compliance.adherence_summary()
    assert {"compliant": 1, "nonCompliant": 1} == compliance.adherence()["list"][0]["artifactComplianceSummary"]
    assert ["PENDING", "NON-COMPLIANT", None] == [
        api and api["status"] for api in map(compliance.api, ("New:1.0", "Bad:1.0", "Nobody:1"))
    ]


def test_the_result_of_a_ruleset_tells_rule_by_rule() -> None:
    result = ruleset_result(evaluated(BAD).policies[0].rulesets[0], {"license": "There is a license."})
    assert "FAILED" == result["status"]
    assert [("contact", "ERROR", "info")] == [
        (rule["name"], rule["severity"], rule["violatedPath"]["path"]) for rule in result["violatedRules"]
    ]
    assert [("license", "There is a license.")] == [
        (rule["name"], rule["description"]) for rule in result["followedRules"]
    ]
