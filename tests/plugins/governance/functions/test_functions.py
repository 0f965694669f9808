"""What functions find in values that are seldom looked at: mixed lists, many names, texts beyond the basic plane."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets


def found(value: Any, function: str, options: Any = None, **more: Any) -> list[str]:
    """What a rule with that function says of a value."""
    then = {"function": function, **({} if options is None else {"functionOptions": options}), **more.pop("then", {})}
    rulesets = Rulesets()
    definition = rulesets.define({"rules": {"ours": {"given": "$", "then": then, **more}}})
    document = read_document(json.dumps(value))
    return [finding.message for finding in lint(document, Compiler(definition, rulesets.catalogue).ruleset())]


ALLOWED = ["The document must be one of the allowed types: number, string"]
OUT_OF_ORDER = ["properties must follow the alphabetical order"]


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ([1, 1.5], None, []),
        ([2, 1.5], None, []),  # less than one apart
        ([3, 1.5], None, ["3 must be placed after 1.5"]),
        (["10", "9"], None, []),  # texts are compared as texts
        ([10, "9"], None, ['10 must be placed after "9"']),
        ([10, "b", "a"], None, ['"b" must be placed after "a"']),
        (["a", "A"], None, []),
        (["A", "a"], None, ['"A" must be placed after "a"']),
        (["é", "f"], None, []),
        (["_", "-", "/", "~", "0", "a"], None, []),
        (["~", "/"], None, ['"~" must be placed after "/"']),
        ([{"n": "b"}, {"n": "a"}], {"keyedBy": "n"}, OUT_OF_ORDER),
        ([{"n": "b"}, {}], {"keyedBy": "n"}, ALLOWED),
        ([{"n": "b"}, None], {"keyedBy": "n"}, ["The document must be an object"]),
        ({"b": {}, "a": {}}, {"keyedBy": "n"}, ["The document must be an object"]),
    ],
)
def test_the_order_is_that_of_spectral(value: Any, options: Any, expected: list[str]) -> None:
    assert expected == found(value, "alphabetical", options)


def test_a_separator_joins_words_that_end_in_the_text_only() -> None:
    options = {"type": "camel", "separator": {"char": "."}}

    assert [] == found("oneTwo.three", "casing", options)
    assert ["must be camel case"] == found("oneT.two", "casing", options)
    assert [] == found("oneT", "casing", options)


def test_of_many_names_three_are_told() -> None:
    names = {"properties": ["a", "b", "c", "d", "e"]}

    assert ['At least one of "a" or "b" or "c" or 2 other properties must be defined'] == found({}, "xor", names)
    assert ['At least one of "a" or "b" or "c" or 2 other properties must be defined'] == found({}, "or", names)
    assert ['Just one of "d" and "a" must be defined'] == found({"d": 1, "a": 1}, "xor", names)


def test_length_counts_code_units() -> None:
    assert [] == found("\U0001f600", "length", {"min": 2})
    assert ["The document must be longer than 3"] == found("\U0001f600", "length", {"min": 3})


def test_a_pattern_is_told_as_json() -> None:
    assert [r'"a" must match the pattern "\\d"'] == found("a", "pattern", {"match": r"\d"})


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("a.b", '"b" property must be defined'),
        ("a[0]", '"[0]" property must be defined'),
        ('["a.b"]', '"a.b" property must be defined'),
    ],
)
def test_what_is_missing_at_the_root_is_told_by_its_last_name(field: str, expected: str) -> None:
    assert [expected] == found({}, "defined", then={"field": field})


def test_a_name_with_a_dot_in_it_is_a_field_where_there_is_one() -> None:
    assert [] == found({"a.b": 1}, "defined", then={"field": "a.b"})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("{{error}}", "The document must be falsy"),
        ("{{ error }}!", "!"),  # a name has no spaces
        ("{{description}}", "null"),
        ("{{value}}", "[object Object]"),
        ('#{{print("value")}}', "Object{}"),
        ('#{{print("property")}}is wrong', "The document is wrong"),
        ("#{{'say ' + path.toUpperCase()}}", "say #"),
        ("#{{nothing()}}.", "."),
    ],
)
def test_messages_are_filled_in(message: str, expected: str) -> None:
    assert [expected] == found({"a": 1}, "falsy", message=message)
