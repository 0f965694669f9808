"""The rules for Arazzo: what each of them finds in a document with one thing wrong."""

from __future__ import annotations

from copy import deepcopy
from json import dumps
from typing import Any, Final

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

PAY: Final = {"stepId": "pay", "description": "Pays.", "operationId": "pay"}
SOUND: Final[dict[str, Any]] = {
    "arazzo": "1.0.0",
    "info": {"title": "Orders", "version": "1", "description": "How to order.", "summary": "Orders"},
    "sourceDescriptions": [
        {"name": "shop", "url": "https://shop.example/openapi.json", "type": "openapi"},
        {"name": "flows", "url": "https://shop.example/arazzo.json", "type": "arazzo"},
    ],
    "components": {
        "parameters": {"page": {"name": "page", "in": "query", "value": 1}},
        "successActions": {"done": {"name": "done", "type": "end"}},
        "failureActions": {"again": {"name": "again", "type": "retry", "retryAfter": 1}},
    },
    "workflows": [
        {
            "workflowId": "order",
            "summary": "Order",
            "description": "Orders something.",
            "dependsOn": ["pay", "$sourceDescriptions.flows.deliver"],
            "inputs": {"type": "object", "properties": {"thing": {"type": "string"}}},
            "outputs": {"number": "$steps.find.outputs.number", "thing": "$inputs.thing"},
            "steps": [
                {
                    "stepId": "find",
                    "description": "Finds it.",
                    "operationId": "$sourceDescriptions.shop.find",
                    "parameters": [
                        {"name": "q", "in": "query", "value": "$inputs.thing"},
                        {"reference": "$components.parameters.page"},
                    ],
                    "requestBody": {
                        "contentType": "application/json",
                        "payload": "$inputs.thing",
                        "replacements": [{"target": "/a", "value": "$inputs.thing"}],
                    },
                    "successCriteria": [{"condition": "^2", "type": "regex", "context": "$statusCode"}],
                    "onSuccess": [{"reference": "$components.successActions.done"}],
                    "onFailure": [
                        {"reference": "$components.failureActions.again"},
                        {"name": "pay", "type": "goto", "workflowId": "pay"},
                    ],
                    "outputs": {"number": "$response.body"},
                }
            ],
        },
        {"workflowId": "pay", "summary": "Pay", "description": "Pays.", "steps": [PAY]},
    ],
}
STEP: Final = ("workflows", 0, "steps", 0)

catalogue = Catalogue()
linter = Linter(Compiler(Rulesets(catalogue=catalogue).load("spectral:arazzo"), catalogue).ruleset())


def found_with(path: tuple[str | int, ...], value: Any) -> set[tuple[str, tuple[str | int, ...]]]:
    """What is found where something else stands at a place of the sound document."""
    document: Any = deepcopy(SOUND)
    holder = document
    for part in path[:-1]:
        holder = holder[part]
    if path:
        holder[path[-1]] = value
    return {(finding.code, finding.path) for finding in linter.lint(read_document(dumps(document)))}


def test_nothing_is_found_in_a_sound_document() -> None:
    assert found_with((), None) == set()


@pytest.mark.parametrize(
    ("path", "value", "code", "place"),
    [
        (("info", "version"), 1, "document-schema", ()),
        ((*STEP, "workflowId"), "pay", "document-schema", None),
        ((*STEP, "onSuccess", 0), {"name": "x", "type": "retry"}, "document-schema", ("type",)),
        ((*STEP, "onFailure"), [{"reference": "$url", "referenz": "x"}], "document-schema", (0,)),
        ((*STEP, "successCriteria", 0, "type"), {"type": "xpath"}, "document-schema", ()),
        (("workflows", 1, "workflowId"), "order", "workflowId-unique", None),
        (("workflows", 0, "outputs"), {"number": "$steps.none.outputs.x"}, "workflow-output-validation", ("number",)),
        (("workflows", 0, "outputs"), {"a b": "$url"}, "workflow-output-validation", ("a b",)),
        (("workflows", 0, "dependsOn"), ["pay", "pay"], "workflow-depends-on-validation", (1,)),
        (("workflows", 0, "dependsOn"), ["none"], "workflow-depends-on-validation", (0,)),
        (("workflows", 0, "dependsOn"), ["$sourceDescriptions.shop.x"], "workflow-depends-on-validation", (0,)),
        (("workflows", 0, "dependsOn"), ["$sourceDescriptions.none.x"], "workflow-depends-on-validation", (0,)),
        (("workflows", 0, "dependsOn"), ["$sourceDescriptions.flows"], "workflow-depends-on-validation", (0,)),
        ((*STEP, "outputs"), {"x": "$inputs.none"}, "step-output-validation", ("x",)),
        ((*STEP, "operationId"), "$sourceDescriptions.none.x", "step-validation", None),
        ((*STEP, "parameters", 0, "value"), "$inputs.none", "step-parameters-validation", None),
        ((*STEP, "parameters", 1), {"name": "r", "value": 1}, "step-parameters-validation", None),
        ((*STEP, "parameters", 1), {"name": "q", "in": "query"}, "step-parameters-validation", None),
        ((*STEP, "parameters", 1), {"reference": "$url"}, "step-parameters-validation", None),
        ((*STEP, "requestBody", "contentType"), "json", "step-request-body-validation", None),
        ((*STEP, "requestBody", "payload"), "$inputs.none", "step-request-body-validation", None),
        ((*STEP, "requestBody", "replacements", 0), {"value": 1}, "step-request-body-validation", None),
        ((*STEP, "successCriteria", 0, "condition"), "(", "step-success-criteria-validation", None),
        ((*STEP, "successCriteria", 0, "context"), "body", "step-success-criteria-validation", None),
        ((*STEP, "successCriteria", 0, "type"), {"type": "xpath"}, "step-success-criteria-validation", None),
        ((*STEP, "onSuccess", 0), {"reference": "$url"}, "step-success-actions-validation", None),
        ((*STEP, "onFailure", 0), {"reference": "$url"}, "step-failure-actions-validation", None),
        ((*STEP, "onFailure", 1, "name"), "again", "step-failure-actions-validation", None),
        ((*STEP, "onFailure", 1, "workflowId"), "none", "step-failure-actions-validation", None),
        ((*STEP, "onFailure", 1, "stepId"), "find", "step-failure-actions-validation", None),
    ],
)
def test_each_rule_finds_what_it_is_for(
    path: tuple[str | int, ...], value: Any, code: str, place: tuple[str | int, ...] | None
) -> None:
    found = found_with(path, value)

    assert f"arazzo-{code}" in {each for each, _ in found}
    if place is not None:
        where = {tuple(map(str, each)) for name, each in found if name == f"arazzo-{code}"}
        assert tuple(map(str, (*path, *place))) in where


def test_a_step_that_has_the_id_of_another_one_is_found_where_it_is() -> None:
    steps = [SOUND["workflows"][0]["steps"][0], {"stepId": "find", "description": "Again.", "operationId": "x"}]

    found = found_with(("workflows", 0, "steps"), steps)

    assert {("arazzo-workflow-stepId-unique", ("workflows", 0, "steps", 1, "stepId"))} == found


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("x-ok",), 1, []),
        (("extra",), 1, [("", "must not have unevaluated properties")]),
        ((*STEP, "extra"), 1, [("", '"0" property must not have unevaluated properties')]),
        (
            ("workflows", 0, "inputs"),
            {"type": "odd"},
            [
                ("inputs/type", '"type" property must be array'),
                (
                    "inputs/type",
                    '"type" property must be equal to one of the allowed values: '
                    '"array", "boolean", "integer", "null", "number", "object", "string"',
                ),
                ("inputs/type", '"type" property must match a schema in anyOf'),
            ],
        ),
        (("workflows", 0, "outputs"), {"a": 1}, [("outputs/a", '"a" property must be string')]),
        (
            (*STEP, "successCriteria", 0),
            {"condition": "x", "type": "regex"},
            [("successCriteria/0", '"0" property must have property context when property type is present')],
        ),
        (
            (*STEP, "onFailure", 0),
            {"name": "a", "type": "retry"},
            [
                ("onFailure/0", '"0" property must have required property "reference"'),
                ("onFailure/0", '"0" property must have required property "retryAfter"'),
                ("onFailure/0", '"0" property must match exactly one schema in oneOf'),
                ("onFailure/0", '"0" property must not have unevaluated properties'),
            ],
        ),
        (
            (*STEP, "workflowId"),
            "pay",
            [
                ("", '"0" property must have required property "operationPath"'),
                ("", '"0" property must match exactly one schema in oneOf'),
            ],
        ),
        (("arazzo",), "1.0", [("arazzo", '"arazzo" property must match pattern "^1\\.0\\.\\d+(-.+)?$"')]),
    ],
)
def test_the_structure_is_told_in_the_words_of_spectral(
    path: tuple[str | int, ...], value: Any, told: list[tuple[str, str]]
) -> None:
    document = deepcopy(SOUND)
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    whole = path[: len(STEP) if path[: len(STEP)] == STEP else 2 if path[0] == "workflows" else 0]

    findings = linter.lint(read_document(dumps(document)))

    assert told == sorted(
        ("/".join(map(str, each.path[len(whole) :])), each.message)
        for each in findings
        if each.code == "arazzo-document-schema"
    )
