"""The rulesets that are shipped, over documents that have anything anywhere: they end in findings, never in a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets
from hypothesis import given, settings
from hypothesis import strategies as st

CASES: Final = Path(__file__).resolve().parents[4] / "../shared/conformance/spectral-rule-cases/rules.json"
ARAZZO: Final = {
    "arazzo": "1.0.0",
    "sourceDescriptions": [{"name": "a", "url": "/a", "type": "openapi"}],
    "components": {"parameters": {"p": {"name": "p", "value": 1}}},
    "workflows": [
        {
            "workflowId": "w",
            "dependsOn": ["$sourceDescriptions.a.b"],
            "inputs": {"$ref": "#/components/inputs/i"},
            "outputs": {"o": "$steps.s.outputs.x"},
            "failureActions": [{"reference": "$components.failureActions.f"}],
            "parameters": [{"reference": "$components.parameters.p"}],
            "steps": [
                {
                    "stepId": "s",
                    "operationId": "$sourceDescriptions.a.x",
                    "parameters": [{"name": "q", "in": "query", "value": "$inputs.i"}],
                    "requestBody": {"contentType": "a/b", "payload": "$inputs.i", "replacements": [{"target": "/"}]},
                    "successCriteria": [{"condition": "(", "type": "regex", "context": "$url"}],
                    "onSuccess": [{"name": "n", "type": "goto", "workflowId": "$sourceDescriptions.a.b"}],
                    "onFailure": [{"name": "n", "type": "goto", "stepId": "s", "criteria": [{"type": {}}]}],
                }
            ],
        }
    ],
}
ODD: Final[list[Any]] = [None, True, 1, 1.5, "", "x", [], [1], ["a"], [None], {}, {"a": 1}, {"$ref": "#/a"}, [[]], [{}]]


@cache
def linter_of(ruleset: str) -> Linter:
    catalogue = Catalogue()
    definition = Rulesets(catalogue=catalogue).define({"extends": [[ruleset, "all"]], "rules": {}})
    return Linter(Compiler(definition, catalogue).ruleset())


@cache
def documents(ruleset: str) -> list[Any]:
    if ruleset == "spectral:arazzo":
        return [ARAZZO]
    directory = "asyncapi" if ruleset == "spectral:asyncapi" else "oas"
    cases = json.loads(CASES.read_text())
    return [case["doc"]["json"] for case in cases if f"/{directory}/" in case["file"] and "json" in case["doc"]]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(child, (*path, key))


@pytest.mark.skipif(not CASES.is_file(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize("ruleset", ["spectral:oas", "spectral:asyncapi", "spectral:arazzo", "owasp"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_linted(ruleset: str, data: st.DataObject) -> None:
    document = deepcopy(data.draw(st.sampled_from(documents(ruleset))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([*places(document)]))
        if not path or path[0] in ("openapi", "swagger", "asyncapi", "arazzo"):
            continue
        holder = document
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = deepcopy(data.draw(st.sampled_from(ODD)))

    findings = linter_of(ruleset).lint(read_document(json.dumps(document)))

    assert all(isinstance(finding.message, str) for finding in findings)
