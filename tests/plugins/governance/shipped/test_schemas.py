"""The rules for OpenAPI that need JSON Schema: what they find in Spectral's own tests, and in real documents."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from apim_governance.documents.document import read_document
from apim_governance.documents.formats import formats_of
from apim_governance.findings import Finding
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets
from apim_governance.shipped.oas.document_schemas import VERSIONS, validator_for

SHARED = Path(__file__).resolve().parents[4] / "../shared/conformance"
RULES = (
    "array-items",
    "duplicated-entry-in-enum",
    "oas2-schema",
    "oas2-valid-media-example",
    "oas2-valid-schema-example",
    "oas3-schema",
    "oas3-valid-media-example",
    "oas3-valid-schema-example",
)
BEYOND_A_SCHEMA = {
    "duplicateOperationId.yaml",
    "duplicateParameter.yaml",
    "internalPathItemRef.yaml",
    "missingPathItemRef.yaml",
    "missingPathParam.yaml",
    "missingPathParam2.yaml",
    "schemaProperties.yaml",
    "server_enum_unknown.yaml",
}
"""Documents that must fail for what other rules look at: repeated parameters, references, paths ..."""
WITHOUT_PATHS = {"server_enum_empty.yaml", "server_enum_unknown.yaml"}
"""Documents of OpenAPI 3.0 that are said to pass, but have no ``paths``."""

Key = tuple[str, tuple[str, ...], int, str]


def linter(*rules: str) -> Linter:
    rulesets = Rulesets()
    definition = rulesets.define({"extends": [["spectral:oas", "off"]], "rules": dict.fromkeys(rules, "all")})
    return Linter(Compiler(definition, rulesets.catalogue).ruleset())


def keys(findings: Any, rules: tuple[str, ...]) -> Counter[Key]:
    """Findings of rules, ours or the original's, as they are compared."""
    counted: Counter[Key] = Counter()
    for each in findings:
        if isinstance(each, Finding):
            key = (each.code, tuple(map(str, each.path)), int(each.severity), each.message)
        else:
            key = (each["code"], tuple(map(str, each["path"])), each["severity"], each["message"])
        counted[key] += key[0] in rules
    return +counted


needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance data is not beside this checkout")


@needs_data
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_in_the_tests_of_spectral_what_spectral_finds(rule: str) -> None:
    cases = json.loads((SHARED / "spectral-rule-cases/rules.json").read_text("utf-8"))
    cases = [case for case in cases if case["rule"] == rule and case["oracle"] is not None]
    checking = linter(rule)

    assert cases
    for case in cases:
        document = case["doc"]
        text = document["text"] if "text" in document else json.dumps(document["json"])
        assert keys(case["oracle"], (rule,)) == keys(checking.lint(read_document(text)), (rule,)), case["name"]


@needs_data
def test_the_rules_find_in_real_documents_what_spectral_finds() -> None:
    folder = SHARED / "spectral-oracle-documents"
    checking = linter(*RULES)
    missing: Counter[str] = Counter()
    superfluous: Counter[str] = Counter()
    equal = 0
    for file in sorted(folder.rglob("*.expected.json.gz")):
        source = file.with_name(file.name.removesuffix(".expected.json.gz"))
        expected = json.loads(gzip.decompress(file.read_bytes())).get("spectral:oas:all", {}).get("findings")
        if expected is None:
            continue
        theirs = keys(expected, RULES)
        ours = keys(checking.lint(read_document(source.read_text("utf-8"), str(source))), RULES)
        equal += (theirs & ours).total()
        missing[source.name] += (theirs - ours).total()
        superfluous[source.name] += (ours - theirs).total()

    assert {} == dict(+missing)
    assert {} == dict(+superfluous)
    assert equal > 500


@needs_data
@pytest.mark.parametrize("name", ["docker.yaml", "twilio.json", "stripe.json"])
def test_the_rules_find_in_large_documents_what_spectral_finds(name: str) -> None:
    folder = SHARED / "openapi-large"
    text = gzip.decompress((folder / f"{name}.gz").read_bytes()).decode()
    expected = json.loads(gzip.decompress((folder / f"{name}.spectral-oas.json.gz").read_bytes()))

    assert keys(expected, RULES) == keys(linter(*RULES).lint(read_document(text, name)), RULES)


@needs_data
def test_documents_that_are_known_to_be_right_or_wrong_are_held_to_be_so() -> None:
    wrong = []
    for file in sorted((SHARED / "oas-schema-passfail").rglob("*.*")):
        if file.parent.name not in ("pass", "fail"):
            continue
        data = read_document(file.read_text("utf-8"), str(file)).data
        formats = formats_of(data)
        version = "2.0" if "oas2" in formats else "3.1" if "oas3.1" in formats else "3.0"
        passes = not validator_for(version).errors(data, all_errors=True)
        if passes and file.parent.name == "fail" and file.name not in BEYOND_A_SCHEMA:
            wrong.append(file)
        if not passes and file.parent.name == "pass" and file.name not in WITHOUT_PATHS:
            wrong.append(file)

    assert [] == wrong


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_of_openapi_has_a_schema_that_refuses_what_is_no_document(version: str) -> None:
    assert validator_for(version).errors([], all_errors=True)
    assert validator_for(version).errors({}, all_errors=True)


def test_a_value_that_is_missed_in_an_example_is_named_with_the_example() -> None:
    document = {
        "openapi": "3.0.0",
        "components": {"parameters": {"p": {"schema": {"type": "string"}, "examples": {"one": {"summary": "none"}}}}},
    }

    found = linter("oas3-valid-media-example").lint(read_document(json.dumps(document)))

    assert ['"one.value" property must exist'] == [
        each.message for each in found if each.code == "oas3-valid-media-example"
    ]


def test_a_schema_that_its_metaschema_refuses_is_told_once_and_then_used_as_it_is() -> None:
    schema = {"type": "string", "title": 1, "example": 2, "default": 3}
    document = {"openapi": "3.0.0", "components": {"schemas": {"s": schema}}}

    found = linter("oas3-valid-schema-example").lint(read_document(json.dumps(document)))

    assert {
        ("example", "schema is invalid: data/title must be string"),
        ("default", '"default" property type must be string'),
    } == {(each.path[-1], each.message) for each in found if each.code == "oas3-valid-schema-example"}


@pytest.mark.parametrize(("place", "word", "told"), [("requestBody", "readOnly", 0), ("requestBody", "writeOnly", 1)])
def test_members_that_are_read_only_need_not_be_in_examples_of_requests(place: str, word: str, told: int) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", word: True}}, "required": ["id"]}
    media = {"application/json": {"schema": schema, "example": {}}}
    document = {"openapi": "3.0.0", "paths": {"/": {"post": {place: {"content": media}}}}}

    found = linter("oas3-valid-media-example").lint(read_document(json.dumps(document)))

    assert told == sum(each.code == "oas3-valid-media-example" for each in found)
