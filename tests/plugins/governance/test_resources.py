"""Governance over HTTP: a gateway process is asked what it found, and to lint documents."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.governed import OPENAPI, ask, governed
from support.processes import Running, eventually, running

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "governance" / "over-http.md"


@pytest.fixture(scope="module", params=["1", "2"], ids=["alone", "workers"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("governed"), governed(), "--workers", request.param) as process:
        assert process.started
        yield process


def answer(gateway: Running, path: str) -> Any:
    status, value = ask(gateway, path)
    assert (200, path) == (status, path)
    return value


def test_the_overview_is_the_mean_over_apis_with_all_that_was_found(gateway: Running) -> None:
    scores = {each["apiId"]: each for each in answer(gateway, "scoring/apis")["list"]}
    assert {
        "apiId": "orders:1.0",
        "score": 0.98,
        "all": 1,
        "errors": 0,
        "warnings": 0,
        "infos": 1,
        "hints": 0,
    } == scores["orders:1.0"]
    # open: one error (keyless without a limit), one warning (no description), one info (no definition)
    assert {"apiId": "open:2", "score": 0.84, "all": 3, "errors": 1, "warnings": 1, "infos": 1, "hints": 0} == scores[
        "open:2"
    ]
    summary = {"score": 0.91, "all": 4, "errors": 1, "warnings": 1, "infos": 2, "hints": 0}
    assert {"summary": summary} == answer(gateway, "scoring/overview")


def test_the_worst_api_is_the_first_and_pages_lead_on(gateway: Running) -> None:
    first = answer(gateway, "scoring/apis?limit=1")
    pagination = {"offset": 0, "limit": 1, "total": 2, "next": "?offset=1&limit=1", "previous": ""}
    assert ([pagination], ["open:2"]) == ([first["pagination"]], [each["apiId"] for each in first["list"]])
    second = answer(gateway, f"scoring/apis{first['pagination']['next']}")
    assert (["orders:1.0"], "") == ([each["apiId"] for each in second["list"]], second["pagination"]["next"])


def test_the_report_of_an_api_has_its_findings_with_their_places(gateway: Running) -> None:
    report = answer(gateway, "apis/open:2/scoring")
    assert {"id", "apiId", "createdAt", "summary", "assets"} == set(report)
    (asset,) = report["assets"]
    assert "APIM_DEFINITION" == asset["type"]
    assert {"apim-keyless-limits", "apim-api-description", "apim-api-definition"} == {
        each["rule"] for each in asset["diagnostics"]
    }
    (found,) = [each for each in asset["diagnostics"] if each["rule"] == "apim-keyless-limits"]
    assert ("ERROR", "plans[0]") == (found["severity"], found["path"])
    lines = (gateway.folder / "apim.yaml").read_text().splitlines()
    assert "keyless" in lines[found["range"]["start"]["line"]]


def test_the_compliance_of_apis_is_told_in_the_words_of_wso2(gateway: Running) -> None:
    summary = {"total": 2, "compliant": 0, "nonCompliant": 2, "pending": 0, "notApplicable": 0}
    assert summary == answer(gateway, "artifact-compliance/api/summary")
    listed = answer(gateway, "artifact-compliance/api?offset=1")
    (status,) = listed["list"]
    assert ("open:2", "NON-COMPLIANT", {"total": 1, "followed": 0, "violated": 1, "unApplied": 0}) == (
        status["id"],
        status["status"],
        status["policyAdherenceSummary"],
    )
    assert {"severity": "ERROR", "violatedRulesCount": 1} in status["severityBasedRuleViolationSummary"]
    details = answer(gateway, "artifact-compliance/api/open:2")
    (policy,) = details["governedPolicies"]
    assert ("Platform rules", "VIOLATED") == (policy["name"], policy["status"])
    assert {"apim-recommended": "FAILED", "spectral-oas": "UNAPPLIED"} == {
        each["id"]: each["status"] for each in policy["rulesetValidationResults"]
    }


def test_the_result_of_a_ruleset_has_each_rule(gateway: Running) -> None:
    path = "artifact-compliance/api/open:2/ruleset-validation-results/apim-recommended"
    result = answer(gateway, path)
    violated = {rule["id"]: rule for rule in result["violatedRules"]}
    assert ("FAILED", "ERROR", "plans[0]") == (
        violated["apim-keyless-limits"]["status"],
        violated["apim-keyless-limits"]["severity"],
        violated["apim-keyless-limits"]["violatedPath"]["path"],
    )
    assert violated["apim-keyless-limits"]["description"]
    assert "apim-plans" in {rule["id"] for rule in result["followedRules"]}


def test_policies_are_told_with_their_adherence(gateway: Running) -> None:
    assert {"total": 2, "followed": 0, "violated": 1, "unApplied": 1} == answer(gateway, "policy-adherence/summary")
    listed = answer(gateway, "policy-adherence")["list"]
    assert {"Platform rules": "VIOLATED", "Internal": "UNAPPLIED"} == {each["id"]: each["status"] for each in listed}
    details = answer(gateway, "policy-adherence/Platform%20rules?limit=1")
    assert (["orders:1.0"], 2) == (
        [each["id"] for each in details["evaluatedArtifacts"]],
        details["pagination"]["total"],
    )
    policy = answer(gateway, "policies/Platform%20rules")
    assert [{"state": "API_DEPLOY", "ruleSeverity": "ERROR", "type": "NOTIFY"}] == policy["actions"]
    assert (["API_DEPLOY"], ["GLOBAL"]) == (policy["governableStates"], policy["labels"])
    assert ["apim-recommended", "spectral-oas"] == [each["id"] for each in answer(gateway, "rulesets")["list"]]
    ruleset = answer(gateway, "rulesets/spectral-oas")
    assert "API_DEFINITION" == ruleset["ruleType"]
    assert "info-contact" in {rule["id"] for rule in ruleset["rules"]}


def test_a_document_is_linted(gateway: Running) -> None:
    status, report = ask(gateway, "lint?ruleset=spectral-oas", OPENAPI)
    assert (200, "NON-COMPLIANT") == (status, report["status"])
    (asset,) = report["assets"]
    assert "SWAGGER" == asset["type"]
    contact = next(each for each in asset["diagnostics"] if each["rule"] == "info-contact")
    assert (1, "info") == (contact["range"]["start"]["line"], contact["path"])
    assert report["summary"]["all"] == len(asset["diagnostics"])
    assert [{"id": "spectral-oas", "name": "spectral-oas", "status": "FAILED"}] == report["rulesetValidationResults"]


def test_without_a_ruleset_all_are_tried_that_are_for_such_a_document(gateway: Running) -> None:
    status, report = ask(gateway, "lint", json.dumps({"name": "a", "context": "/a", "plans": []}), "application/json")
    assert 200 == status
    assert {"apim-recommended": "FAILED", "spectral-oas": "UNAPPLIED"} == {
        each["id"]: each["status"] for each in report["rulesetValidationResults"]
    }
    assert "NOT-APPLICABLE" == ask(gateway, "lint?ruleset=spectral-oas", "a: 1\n")[1]["status"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("apis/nothing/scoring", 404, 404),
        ("artifact-compliance/api/orders", 404, 404),
        ("artifact-compliance/api/open:2/ruleset-validation-results/other", 404, 990120),
        ("policies/other", 404, 990101),
        ("policy-adherence/other", 404, 990101),
        ("rulesets/other", 404, 990120),
        ("scoring/apis?limit=101", 400, 400),
        ("scoring/apis?offset=-1", 400, 400),
        ("scoring/apis?page=1", 400, 400),
        ("scoring/apis?limit=1&limit=2", 400, 400),
        ("nothing", 404, 404),
        ("apis//scoring", 404, 404),
        ("lint", 405, 405),
    ],
)
def test_errors_have_a_code_a_message_and_a_description(gateway: Running, path: str, status: int, code: int) -> None:
    found, error = ask(gateway, path)
    assert (status, code, {"code", "message", "description"}) == (found, error["code"], set(error))


def test_everything_needs_the_token(gateway: Running) -> None:
    for path, body in (("scoring/overview", None), ("lint", OPENAPI), ("nothing", None)):
        for token in (None, "another"):
            status, error = ask(gateway, path, body, token=token)
            assert (401, 401) == (status, error["code"])


def test_a_reload_shows_what_is_served_now_and_how_the_score_went(tmp_path: Path) -> None:
    described = "context: /open/2\n    description: Open\n"
    with running(tmp_path, governed()) as process:
        assert [0.84] == [each["score"] for each in answer(process, "apis/open:2/scoring/trend")["list"]]
        process.configure(governed().replace("context: /open/2\n", described))
        process.signal(signal.SIGHUP)
        eventually(lambda: answer(process, "apis/open:2/scoring")["summary"]["warnings"] == 0, "it is described")
        points = answer(process, "apis/open:2/scoring/trend")["list"]
        assert [(0.84, 1), (0.89, 0)] == [(each["score"], each["warnings"]) for each in points]


def test_without_a_store_there_is_no_trend(tmp_path: Path) -> None:
    with running(tmp_path, governed().replace("    store: main\n", "")) as process:
        status, error = ask(process, "apis/open:2/scoring/trend")
        assert (404, "No trend") == (status, error["message"])


def test_without_governance_there_is_nothing(tmp_path: Path) -> None:
    text = governed()
    with running(tmp_path, text[: text.index("governance:")] + text[text.index("apis:") :]) as process:
        assert 404 == ask(process, "scoring/overview")[0]


def test_a_ruleset_is_the_one_that_was_read_with_the_configuration(tmp_path: Path) -> None:
    rule = "rules: {{said: {{given: $, message: '{}', then: {{field: x, function: truthy}}}}}}\n"
    (tmp_path / "ours.yaml").write_text(rule.format("before"))
    with running(tmp_path, governed("rulesets: {ours: ours.yaml}", "ours")) as process:
        assert process.started
        (tmp_path / "ours.yaml").write_text(rule.format("after"))
        report = ask(process, "lint?ruleset=ours", "a: 1\n")[1]
        assert ["before"] == [each["message"] for each in report["assets"][0]["diagnostics"]]


def test_the_curl_lines_of_the_guide_are_answered_as_it_says(tmp_path: Path) -> None:
    text = GUIDE.read_text()
    configured = re.search(r'```yaml title="apim.yaml"\n(.*?)```', text, re.DOTALL)
    assert configured is not None
    free = configured[1].replace("127.0.0.1:8081", "127.0.0.1:0")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    (tmp_path / "orders.yaml").write_text(OPENAPI)
    lines = [line for block in blocks for line in block.splitlines()]
    token = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    said = 0
    with running(
        tmp_path, "listen: 127.0.0.1:0\nlog: {format: json}\n" + free, environment={"APIM_MANAGEMENT_TOKEN": token}
    ) as process:
        commands = [line[2:] for line in lines if line.startswith("$ curl")]
        for number, line in enumerate(lines):
            if not line.startswith("$ curl"):
                continue
            command = line[2:].replace("127.0.0.1:8081", f"127.0.0.1:{process.management}")
            run = subprocess.run(
                ["bash", "-c", command.replace("curl -s", "curl -s --fail-with-body")],
                cwd=tmp_path,
                env={**os.environ, "APIM_MANAGEMENT_TOKEN": token},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert (0, command) == (run.returncode, command), run.stdout
            if number + 1 < len(lines) and not lines[number + 1].startswith("$"):
                said += 1
                assert json.loads(lines[number + 1]) == json.loads(run.stdout)
    assert (8, 2) == (len(commands), said)
