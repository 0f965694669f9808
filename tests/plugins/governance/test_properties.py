"""What must not matter to findings: the order of names, and whether a document is JSON or YAML."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import yaml
from apim_governance.documents.document import read_document
from apim_governance.findings import Finding
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets
from hypothesis import given
from hypothesis import strategies as st

from tests.support.linting import linter

NAMES = st.sampled_from(["a", "type", "name", "200", "two words", "~", "/x/{id}", "yes", "$ref#", "é", "😀", ""])
TEXTS = st.sampled_from(
    ["", "a", "string", "no", "null", "1", "1.0", "~", "a: b", "- a", "# a", "{a", "\u2028", "\t", "a\nb"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=15
)
RULES = """
typed: {given: "$..[?(@ && @.type)]", then: {field: type, function: enumeration, functionOptions: {values: [string]}}}
named: {given: $..name, then: {function: pattern, functionOptions: {match: ^a}}}
numbered: {given: "$..[?(@property.match(/^[0-9]+$/))]", then: {function: truthy}}
shaped:
  given: $.a
  then: {function: schema, functionOptions: {schema: {type: object, required: [name]}, allErrors: true}}
either: {given: $..a, then: {function: xor, functionOptions: {properties: [name, type]}}}
keyed: {given: $, then: {field: "@key", function: casing, functionOptions: {type: flat}}}
parent: {given: $..type^, then: {field: name, function: defined}}
raw: {given: $..*, resolved: false, then: {function: length, functionOptions: {max: 2}}}
"""
OPERATION = st.fixed_dictionaries(
    {},
    optional={
        "operationId": st.sampled_from(["one", "two"]),
        "description": TEXTS,
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "parameters": st.lists(
            st.sampled_from(
                [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/A"}},
                    {"name": "q", "in": "query", "example": 1, "schema": {"type": "integer", "enum": ["a"]}},
                ]
            ),
            max_size=2,
        ),
        "responses": st.dictionaries(st.sampled_from(["200", "404", "default"]), st.just({"description": "d"})),
    },
)
SCHEMA = st.sampled_from(
    [{"type": "string"}, {"$ref": "#/components/schemas/B"}, {"type": "array"}, {"type": "object", "required": ["x"]}]
)
DEFINITIONS = st.fixed_dictionaries(
    {
        "openapi": st.sampled_from(["3.0.3", "3.1.0"]),
        "info": st.fixed_dictionaries({"title": TEXTS}, optional={"version": st.just("1"), "contact": st.just({})}),
        "paths": st.dictionaries(
            st.sampled_from(["/a/{id}", "/a/{name}", "/b/", "/c?x=1"]),
            st.dictionaries(st.sampled_from(["get", "post", "delete"]), OPERATION, max_size=2),
            max_size=3,
        ),
    },
    optional={
        "components": st.fixed_dictionaries(
            {"schemas": st.dictionaries(st.sampled_from(["A", "B", "C"]), SCHEMA, max_size=3)}
        ),
        "tags": st.lists(st.sampled_from([{"name": "x"}, {"name": "y"}]), max_size=2),
        "servers": st.just([{"url": "https://example.com/"}]),
    },
)
SECONDS = {"path-params", "operation-operationId-unique", "invalid-ref"}
"""Codes that are told at one of two, whichever stands first or second."""


def ours() -> Linter:
    rulesets = Rulesets()
    return Linter(Compiler(rulesets.define({"rules": yaml.safe_load(RULES)}), rulesets.catalogue).ruleset())


OURS = ours()


def told(findings: tuple[Finding, ...]) -> Counter[tuple[Any, ...]]:
    return Counter((each.code, tuple(map(str, each.path)), each.message, each.severity) for each in findings)


def in_yaml(value: Any) -> str:
    """A value as YAML, with nothing in it shared, so that there are no aliases."""
    return yaml.safe_dump(json.loads(json.dumps(value)), allow_unicode=True, sort_keys=False)


def turned(value: Any) -> Any:
    """The same with its names the other way round."""
    if isinstance(value, dict):
        return {name: turned(inner) for name, inner in reversed(value.items())}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_names_does_not_matter(value: Any) -> None:
    assert told(OURS.lint(read_document(json.dumps(value)))) == told(
        OURS.lint(read_document(json.dumps(turned(value))))
    )


@given(VALUES)
def test_json_and_yaml_are_one_document(value: Any) -> None:
    as_json = read_document(json.dumps(value), "a.json")
    as_yaml = read_document(in_yaml(value), "a.yaml")

    assert as_json.data == as_yaml.data
    assert told(OURS.lint(as_json)) == told(OURS.lint(as_yaml))


@given(VALUES)
def test_what_was_read_and_written_is_found_where_it_was(value: Any) -> None:
    first = read_document(json.dumps(value))
    second = read_document(json.dumps(first.data, indent=2))

    assert told(OURS.lint(first)) == told(OURS.lint(second))


@pytest.mark.parametrize("ruleset", ["spectral:oas", "owasp"])
@given(definition=DEFINITIONS)
def test_so_it_is_with_what_is_shipped(ruleset: str, definition: Any) -> None:
    shipped = linter(ruleset)
    whole = told(shipped.lint(read_document(json.dumps(definition))))
    as_yaml = told(shipped.lint(read_document(in_yaml(definition))))

    assert whole == as_yaml


@pytest.mark.parametrize("ruleset", ["spectral:oas", "owasp"])
@given(definition=DEFINITIONS)
def test_rules_of_what_is_shipped_look_at_no_order_but_a_few(ruleset: str, definition: Any) -> None:
    shipped = linter(ruleset)
    there, back = (told(shipped.lint(read_document(json.dumps(each)))) for each in (definition, turned(definition)))

    assert {key: count for key, count in there.items() if key[0] not in SECONDS} == {
        key: count for key, count in back.items() if key[0] not in SECONDS
    }
