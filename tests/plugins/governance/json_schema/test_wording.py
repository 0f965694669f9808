"""Which errors are told, and how. The expected sentences are those of @stoplight/better-ajv-errors 1.0.3."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.json_schema.validator import Validator
from apim_governance.json_schema.wording import best_match, told


def sentences(schema: Any, data: Any, *place: str) -> list[tuple[str, str]]:
    found = told(Validator(schema).errors(data, all_errors=True), data, place)
    return [(each.path, each.message) for each in found]


def test_a_property_is_named_and_a_value_without_one_by_its_kind() -> None:
    assert [("", '"size" property must be <= 1')] == sentences({"maximum": 1}, 2, "size")
    assert [("", "Number must be <= 1")] == sentences({"maximum": 1}, 2)
    assert [("/a", '"a" property must be <= 1')] == sentences({"properties": {"a": {"maximum": 1}}}, {"a": 2})
    assert [("", "Object must not be valid")] == sentences({"not": {}}, None)


def test_types_additional_properties_and_quotes_have_words_of_their_own() -> None:
    assert [("", "Value type must be string")] == sentences({"type": "string"}, 1)
    assert [("", 'Property "a" is not expected to be here')] == sentences({"additionalProperties": False}, {"a": 1})
    assert [("", 'Object must have required property "a"')] == sentences({"required": ["a"]}, {})


def test_enumerations_of_one_place_are_told_together_with_what_may_be_meant() -> None:
    colour = {"allOf": [{"enum": ["red", "green"]}, {"enum": ["green", 1]}]}

    assert [
        ("/a", '"a" property must be equal to one of the allowed values: "red", "green", 1. Did you mean "red"?'),
    ] == sentences({"properties": {"a": colour}}, {"a": "rad"})


def test_a_failed_any_of_is_not_told_where_something_below_it_is() -> None:
    schema = {"anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["b"]}]}

    assert [("/x/a", '"a" property type must be string')] == sentences({"properties": {"x": schema}}, {"x": {"a": 1}})


def test_an_enumeration_is_not_told_beside_another_error() -> None:
    schema = {"properties": {"a": {"enum": [1]}, "b": {"type": "string"}}}

    assert [("/b", '"b" property type must be string')] == sentences(schema, {"a": 2, "b": 2})


@pytest.mark.parametrize(
    ("value", "allowed", "meant"),
    [
        ("strng", ["string", "number"], "string"),
        ("zzzzzz", ["a", "b"], None),
        ("zzzzzz", ["a"], "a"),
        (1, ["a"], None),
        ("a", [1, 2], None),
    ],
)
def test_what_is_meant_is_what_is_most_alike_if_it_is_alike_at_all(value: Any, allowed: list[Any], meant: Any) -> None:
    assert meant == best_match(value, allowed)
