"""Agreement with the package jsonschema on what is valid, for schemas and values made up."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.json_schema.validator import Validator
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator, Draft201909Validator, Draft202012Validator

NAMES = st.sampled_from(["a", "b", "ab", ""])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 1.0])
SCALARS = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "a", "ab", "b1"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
COUNTS = st.integers(0, 2)
PATTERNS = st.sampled_from(["^a", "b$", "[0-9]", "^$"])

PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(SCALARS, min_size=1, max_size=3, unique_by=lambda value: (isinstance(value, bool), value)),
    "const": VALUES,
    "maximum": NUMBERS,
    "minimum": NUMBERS,
    "exclusiveMaximum": NUMBERS,
    "exclusiveMinimum": NUMBERS,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "maxLength": COUNTS,
    "minLength": COUNTS,
    "pattern": PATTERNS,
    "maxItems": COUNTS,
    "minItems": COUNTS,
    "uniqueItems": st.booleans(),
    "maxProperties": COUNTS,
    "minProperties": COUNTS,
    "required": st.lists(NAMES, min_size=1, max_size=2, unique=True),
}

DRAFT4 = {name: values for name, values in PLAIN.items() if not name.startswith("exclusive") and name != "const"}


def with_schemas(inner: st.SearchStrategy[Any], newer: bool) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        **PLAIN,
        "not": inner,
        "anyOf": some,
        "oneOf": some,
        "allOf": some,
        "if": inner,
        "then": inner,
        "else": inner,
        "items": inner,
        "contains": inner,
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=1),
        "additionalProperties": inner,
        "propertyNames": inner,
    }
    if newer:
        keywords |= {
            "prefixItems": some,
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
            "dependentSchemas": st.dictionaries(NAMES, inner, max_size=2),
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
        }
    else:
        keywords["dependencies"] = st.dictionaries(NAMES, inner | st.lists(NAMES, max_size=2, unique=True), max_size=2)
    return st.fixed_dictionaries({}, optional=keywords)


def schemas(newer: bool) -> st.SearchStrategy[Any]:
    return st.recursive(st.booleans(), lambda inner: with_schemas(inner, newer), max_leaves=5)


@settings(max_examples=400, deadline=None)
@given(schemas(newer=False), VALUES)
def test_draft_7_agrees(schema: Any, value: Any) -> None:
    assert Draft7Validator(schema).is_valid(value) is (not Validator(schema, "draft7").errors(value))


@settings(max_examples=400, deadline=None)
@given(schemas(newer=True), VALUES)
def test_draft_2020_12_agrees(schema: Any, value: Any) -> None:
    assert Draft202012Validator(schema).is_valid(value) is (not Validator(schema, "draft2020-12").errors(value))


@settings(max_examples=200, deadline=None)
@given(schemas(newer=False), VALUES)
def test_all_errors_are_there_exactly_when_there_is_a_first(schema: Any, value: Any) -> None:
    validator = Validator(schema, "draft7")
    first, every = validator.errors(value), validator.errors(value, all_errors=True)

    assert bool(first) is bool(every)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({}, optional=DRAFT4), VALUES)
def test_draft_4_agrees(schema: Any, value: Any) -> None:
    assert Draft4Validator(schema).is_valid(value) is (not Validator(schema, "draft4").errors(value))


@pytest.mark.parametrize("value", [{"a": 1, "b": {"a": 2}}, {"b": {"b": {"c": 1}}}, {"b": 1}, {}])
def test_a_recursive_schema_of_2019_09_agrees(value: Any) -> None:
    schema = {
        "$id": "https://example.com/strict",
        "$recursiveAnchor": True,
        "$ref": "tree",
        "unevaluatedProperties": False,
        "$defs": {
            "tree": {
                "$id": "tree",
                "$recursiveAnchor": True,
                "properties": {"a": {"type": "number"}, "b": {"$recursiveRef": "#"}},
            }
        },
    }

    agrees = Draft201909Validator(schema).is_valid(value)

    assert agrees is (not Validator(schema, "draft2019-09").errors(value))
