"""Errors of a validator: which, in which order, and with which words. The expected ones are those of Ajv 8.20."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.json_schema.errors import SchemaFailure, UnresolvableReference
from apim_governance.json_schema.validator import SharedSchemas, Validator, dialect_of


def errors(schema: Any, data: Any, dialect: str = "draft7", all_errors: bool = True) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in Validator(schema, dialect).errors(data, all_errors)]


@pytest.mark.parametrize(
    ("schema", "data", "told"),
    [
        ({"type": ["object", "null"]}, 1, [("", "must be object,null")]),
        ({"type": "string", "nullable": True}, 1, [("", "must be string")]),
        ({"type": "string", "nullable": True}, None, []),
        ({"type": ["string", "number"], "nullable": True}, True, [("", "must be string,number,null")]),
        ({"const": 1}, 2, [("", "must be equal to constant")]),
        ({"const": 1}, 1.0, []),
        ({"const": 1}, True, [("", "must be equal to constant")]),
        ({"multipleOf": 0.1}, 0.3, [("", "must be multiple of 0.1")]),
        ({"multipleOf": 0.01}, 1e300, [("", "must be multiple of 0.01")]),
        ({"maximum": 2.0}, 3, [("", "must be <= 2")]),
        ({"uniqueItems": True}, [1, 2, 1, 2], [("", "must NOT have duplicate items (items ## 1 and 3 are identical)")]),
        (
            {"uniqueItems": True, "items": {"type": "number"}},
            [1, 2, 1, 2],
            [("", "must NOT have duplicate items (items ## 3 and 1 are identical)")],
        ),
        ({"additionalProperties": False}, {"a": 1}, [("", "must NOT have additional properties")]),
        ({"properties": {"a/b": {"type": "null"}}}, {"a/b": 1}, [("/a~1b", "must be null")]),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            [("", "must NOT have more than 1 characters"), ("", "property name must be valid")],
        ),
        (
            {"dependencies": {"a": ["b", "c"]}},
            {"a": 1, "b": 1},
            [("", "must have properties b, c when property a is present")],
        ),
        (
            {"if": {"type": "number"}, "then": {"minimum": 5}},
            1,
            [("", "must be >= 5"), ("", 'must match "then" schema')],
        ),
        (
            {"anyOf": [{"type": "string"}, {"minimum": 5}]},
            1,
            [("", "must be string"), ("", "must be >= 5"), ("", "must match a schema in anyOf")],
        ),
        ({"oneOf": [{"minimum": 0}, {"maximum": 9}]}, 1, [("", "must match exactly one schema in oneOf")]),
        ({"not": {}}, 1, [("", "must NOT be valid")]),
        ({"properties": {"a": False}}, {"a": 1}, [("/a", "boolean schema is false")]),
        (
            {"format": "date", "formatMaximum": "2020-01-01"},
            "2021-01-01",
            [("", "should be <= 2020-01-01")],
        ),
    ],
)
def test_an_error_is_told_in_the_words_of_ajv(schema: Any, data: Any, told: list[tuple[str, str]]) -> None:
    assert told == errors(schema, data)


def test_keywords_are_looked_at_by_type_in_the_order_of_ajv() -> None:
    schema = {
        "properties": {"a": {"type": "string"}},
        "required": ["b"],
        "enum": [1],
        "type": "object",
        "minProperties": 3,
    }

    assert [
        ("", "must be equal to one of the allowed values"),
        ("", "must NOT have fewer than 3 properties"),
        ("", "must have required property 'b'"),
        ("/a", "must be string"),
    ] == errors(schema, {"a": 1})


def test_keywords_for_any_type_come_before_those_for_one() -> None:
    schema = {"minimum": 3, "maxLength": 1, "enum": [9], "not": {}}

    assert [
        ("", "must be equal to one of the allowed values"),
        ("", "must NOT be valid"),
        ("", "must be >= 3"),
    ] == errors(schema, 1)


def test_of_an_alternative_the_wrong_type_and_what_holds_for_any_type_are_told() -> None:
    schema = {"anyOf": [{"type": "string", "const": 5, "minimum": 9}]}

    assert [
        ("", "must be string"),
        ("", "must be equal to constant"),
        ("", "must match a schema in anyOf"),
    ] == errors(schema, 1, all_errors=False)


def test_names_that_are_numbers_come_first() -> None:
    schema = {"additionalProperties": {"type": "string"}}

    assert ["/2", "/10", "/b", "/a"] == [path for path, _ in errors(schema, {"b": 1, "10": 1, "2": 1, "a": 1})]


def test_without_all_errors_the_first_is_told_only() -> None:
    schema = {"required": ["a", "b"], "properties": {"c": {"type": "string"}}}

    assert [("", "must have required property 'a'")] == errors(schema, {"c": 1}, all_errors=False)


def test_a_conditional_is_not_told_beside_what_failed_in_it_unless_all_errors_are() -> None:
    schema = {"if": {"type": "number"}, "then": {"minimum": 5}}

    assert [("", "must be >= 5")] == errors(schema, 1, all_errors=False)


def test_what_items_lack_is_not_told_beside_contains_unless_all_errors_are() -> None:
    schema = {"contains": {"type": "string"}}

    assert [("", "must contain at least 1 valid item(s)")] == errors(schema, [1, 2], all_errors=False)
    assert 3 == len(errors(schema, [1, 2]))


def test_limits_of_draft_4_are_made_exclusive_by_a_boolean() -> None:
    assert [("", "must be < 2")] == errors({"maximum": 2, "exclusiveMaximum": True}, 2, "draft4")


def test_a_schema_puts_its_own_words_in_the_place_of_errors() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"c": {"type": "string"}},
        "errorMessage": {"required": {"a": "say a"}, "properties": {"c": "c is a text"}, "_": "no good"},
    }

    assert [("", "say a"), ("/c", "c is a text"), ("", "no good")] == errors(schema, {"c": 1})
    assert [("", "must have required property 'a'")] == errors(schema, {"c": 1}, all_errors=False)


@pytest.mark.parametrize(
    ("schema", "dialect", "told"),
    [
        ({"allOf": None}, "draft7", "schema is invalid: data/allOf must be array"),
        ({"nullable": True}, "draft7", '"nullable" cannot be used without "type"'),
        ({"id": "x"}, "draft2020-12", 'NOT SUPPORTED: keyword "id", use "$id" for schema ID'),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "draft4", 'no schema with key or ref "{}"'),
        ({"enum": []}, "draft2020-12", "enum must have non-empty array"),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: Any, dialect: str, told: str) -> None:
    with pytest.raises(SchemaFailure) as failure:
        Validator(schema, dialect).errors(1)

    assert told.format(schema.get("$schema")) == str(failure.value)


def test_a_reference_that_leads_nowhere_is_told_before_anything_is_validated() -> None:
    with pytest.raises(UnresolvableReference, match="can't resolve reference #/foo from id #"):
        Validator({"properties": {"a": {"$ref": "#/foo"}}}).errors({})


def test_a_schema_that_leads_back_to_itself_and_deep_values_are_bounded() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]

    with pytest.raises(SchemaFailure, match="Maximum call stack size exceeded"):
        Validator({"$ref": "#"}).errors(1)
    with pytest.raises(SchemaFailure, match="Maximum call stack size exceeded"):
        Validator({"items": {"$ref": "#"}}).errors(deep)


def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(SchemaFailure, match="takes too long"):
        Validator({"pattern": "^(a|a)*$"}).errors("a" * 60 + "b")


def test_shared_schemas_let_members_be_missing_that_are_read_only_but_for_those_under_not() -> None:
    inner = {"type": "object", "properties": {"id": {"readOnly": True}, "name": {}}, "required": ["id", "name"]}
    shared = SharedSchemas("draft4", None, tracked=False)

    assert ["must have required property 'name'"] == [
        each.message for each in shared.errors({}, inner, frozenset(["readOnly"]))
    ]
    assert [] == shared.errors({"name": 1}, inner, frozenset(["readOnly"]))
    assert [] == shared.errors({"name": 1}, {"not": inner}, frozenset(["readOnly"]))
    assert ["must have required property 'id'"] == [each.message for each in shared.errors({}, inner, frozenset())]


def test_shared_schemas_follow_references_into_the_schema_that_is_asked_for() -> None:
    shared = SharedSchemas("draft4", None, tracked=False)
    schema = {"definitions": {"a": {"type": "string"}}, "items": {"$ref": "#/definitions/a"}}

    assert ["must be string"] == [each.message for each in shared.errors([1], schema, frozenset())]
    with pytest.raises(UnresolvableReference):
        shared.errors([1], schema["items"], frozenset())


def test_nullable_goes_by_another_name_too() -> None:
    shared = SharedSchemas("draft4", "x-nullable", tracked=False)

    assert [] == shared.errors(None, {"type": "string", "x-nullable": True}, frozenset())
    assert 1 == len(shared.errors(None, {"type": "string"}, frozenset()))


@pytest.mark.parametrize(
    ("uri", "dialect"),
    [
        ("http://json-schema.org/draft-04/schema#", "draft4"),
        ("https://json-schema.org/draft/2020-12/schema", "draft2020-12"),
        ("http://json-schema.org/draft-05/schema", None),
        (1, None),
    ],
)
def test_the_draft_is_known_by_its_uri(uri: Any, dialect: str | None) -> None:
    assert dialect == dialect_of(uri)
