"""The functions of the ruleset language: calls with their options, and what Spectral finds, or says of the options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import RulesetError, Rulesets

DATA = Path(__file__).resolve().parents[4] / "../shared/conformance/spectral-rule-cases/functions.json"
RULE = "my-rule"
EXCEPTIONS: Mapping[str, str] = {
    "pattern: /[abc]+/invalid": "an expression that is none is told with the ruleset, not once for each value",
}
"""Calls that end in another way, each with the reason."""


def written(case: dict[str, Any]) -> dict[str, Any]:
    """The rule of a case."""
    then: dict[str, Any] = {"function": case["function"]}
    if case.get("options") is not None:
        then["functionOptions"] = case["options"]
    rule: dict[str, Any] = {"given": "$", "then": then}
    for name, value in (case.get("rule") or {}).items():
        rule[name] = {**then, **value} if name == "then" else value
    return rule


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """What is found, or what is wrong with the options, as the data has it."""
    given = case["input"]
    text = given["text"] if "text" in given else json.dumps(given["json"])
    rulesets = Rulesets()
    try:
        ruleset = Compiler(rulesets.define({"rules": {RULE: written(case)}}), rulesets.catalogue).ruleset()
    except RulesetError as error:
        return {
            "oracle_error": [
                {"code": problem.code, "message": problem.message, "path": list(map(str, problem.path))}
                for problem in error.problems
            ]
        }
    found = [finding for finding in lint(read_document(text), ruleset) if finding.code == RULE]
    return {"oracle": [{"path": list(map(str, each.path)), "message": each.message} for each in found]}


def expected(case: dict[str, Any]) -> dict[str, Any]:
    name = "oracle" if case.get("oracle") is not None else "oracle_error"
    return {
        name: [{**each, **({"path": list(map(str, each["path"]))} if "path" in each else {})} for each in case[name]]
    }


@pytest.mark.skipif(not DATA.is_file(), reason="the conformance data is not beside this checkout")
def test_each_function_finds_what_spectral_finds_and_refuses_the_options_that_it_refuses() -> None:
    cases = [case for case in json.loads(DATA.read_text("utf-8")) if case["input"]]
    others = {}
    for case in cases:
        ours = outcome(case)
        if ours != expected(case):
            options = case["options"] if isinstance(case["options"], dict) else {}
            others[f"{case['function']}: {options.get('match', case['options'])}"] = ours

    assert len(cases) > 250
    assert set(EXCEPTIONS) == set(others), json.dumps(others, indent=1)[:4000]
