"""Options of a JSON Schema object as a table of a page."""

from __future__ import annotations

from typing import Any

import pytest

from apim_core.reference.options import option_table, type_of


def table(**properties: Any) -> list[str]:
    return option_table({"properties": properties, "required": ["needed"]}, "Settings").splitlines()


def test_a_table_has_a_row_an_option_in_order() -> None:
    assert [
        "## Settings",
        "",
        "| option | type | default | what it is |",
        "|---|---|---|---|",
        "| `needed` | string | required | One. |",
        "| `given` | integer | `5` | Two. |",
        "| `absent` | boolean |  | Three. |",
    ] == table(
        needed={"type": "string", "description": "One."},
        given={"type": "integer", "default": 5, "description": "Two."},
        absent={"type": "boolean", "description": "Three."},
    )


def test_without_a_title_there_is_no_heading() -> None:
    assert option_table({"properties": {"a": {}}}, "").startswith("| option |")


@pytest.mark.parametrize("schema", [{}, {"properties": {}}])
def test_without_options_there_is_no_table(schema: dict[str, Any]) -> None:
    assert "" == option_table(schema, "Settings")


def test_what_would_break_a_row_is_put_on_one_line_and_escaped() -> None:
    assert "| `a` | any |  | one two \\| three |" == table(a={"description": "one\ntwo | three\n"})[-1]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({}, "any"),
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "cel"}, "cel"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
        ({"const": "none"}, "`none`"),
        ({"$ref": "#/$defs/Flows"}, "Flows"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"type": "array"}, "list of any"),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "mapping to integer"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "number or string"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"anyOf": [{"type": "string"}, {"type": "string", "pattern": "x"}]}, "string"),
    ],
)
def test_the_type_of_an_option_is_a_few_words(option: dict[str, Any], text: str) -> None:
    assert text == type_of(option)


def test_a_default_is_shown_as_json() -> None:
    assert ['| `a` | any | `"é"` |  |', "| `b` | any | `[]` |  |", "| `c` | any | `null` |  |"] == table(
        a={"default": "é"}, b={"default": []}, c={"default": None}
    )[-3:]
