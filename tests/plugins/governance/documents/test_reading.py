"""Reading documents: kinds of values, names that stand twice, and texts that are hostile."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from apim_governance.documents import yaml_nodes
from apim_governance.documents.document import Document, ParserOptions, read_document
from hypothesis import given
from hypothesis import strategies as st


def told(document: Document) -> list[tuple[str, tuple[Any, ...], int]]:
    return [(problem.message, problem.path, problem.severity) for problem in document.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("", None),
        ("'~'", "~"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1e3", 1000),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("-.inf", -math.inf),
        ("!!str 1", "1"),
        ("+12", 12),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    assert {"a": value} == read_document(f"a: {text}").data


def test_names_are_texts_and_others_are_told() -> None:
    document = read_document("responses:\n  200: ok\n  '404': no\n  ? [a]\n  : b\n")

    assert {"responses": {"200": "ok", "404": "no"}} == document.data
    assert [
        ("Mapping key must be a string scalar rather than number", ("responses", "200"), 0),
        ("Mapping key must be a string scalar", ("responses",), 0),
    ] == told(document)


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"a": 1, "a": 2}}', "a: 1\nb:\n  a: 1\n  a: 2\n"])
def test_names_that_stand_twice_are_told_with_their_place(text: str) -> None:
    document = read_document(text)

    assert {"a": 1, "b": {"a": 2}} == document.data
    assert [("b", "a")] == [problem.path for problem in document.problems]
    assert [] == told(read_document(text, options=ParserOptions(duplicate_keys="off")))
    assert [1] == [severity for *_, severity in told(read_document(text, options=ParserOptions(duplicate_keys="warn")))]


def test_what_is_neither_json_nor_yaml_is_told_with_its_place() -> None:
    document = read_document("a: [1,\nb: }\n", "x.yaml")

    assert document.data is None
    (problem,) = document.problems
    assert ("parser", 0, 1) == (problem.code, problem.severity, problem.range.start.line)


def test_aliases_stand_for_what_they_name() -> None:
    document = read_document("a: &x [1, 2]\nb: *x\n")

    assert {"a": [1, 2], "b": [1, 2]} == document.data


def test_a_bomb_of_aliases_is_refused() -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))

    (problem,) = read_document(text).problems
    assert "its aliases stand for more than 1,000,000 values" == problem.message


def test_yaml_of_too_many_names_and_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_nodes, "MOST_VALUES", 10)

    assert {"a": [1, 2, 3, 4, 5, 6, 7]} == read_document("a: [1, 2, 3, 4, 5, 6, 7]\n").data
    (problem,) = read_document("a: [1, 2, 3, 4, 5, 6, 7, 8]\n").problems
    assert "it has more than 10 names and values" == problem.message


def test_what_is_merged_stands_before_what_is_there_and_gives_way_to_it() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {y: 5, <<: [*a, *b], w: 6}\n"
    document = read_document(text)

    assert {"z": 4, "x": 1, "y": 5, "w": 6} == document.data["c"]
    assert ["z", "x", "y", "w"] == list(document.data["c"])
    found = document.range_of(("c", "z"))
    assert found is not None
    assert 1 == found.start.line


def test_many_nested_values_are_not_taken_for_aliases() -> None:
    value = "[[[[[[[[[[1, 2]]]]]]]]]]"
    text = "".join(f"k{n}: {{a: {{b: {{c: {value}}}}}}}\n" for n in range(20_000))

    assert () == read_document(text).problems


def test_an_alias_that_leads_back_is_refused() -> None:
    (problem,) = read_document("a: &a\n  b: *a\n").problems
    assert "an alias leads back to what holds it" == problem.message


@pytest.mark.parametrize(
    "text", ["[" * 20_000 + "]" * 20_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "- " * 200_000, "? " * 200_000]
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    document = read_document(text)

    assert document.data is None
    assert "nested" in document.problems[0].message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=15,
    )
)
def test_json_is_read_as_it_was_written_and_each_value_is_found(value: Any) -> None:
    document = read_document(json.dumps(value, indent=1))

    assert value == document.data
    for path, part in walk(value):
        found = document.range_of(path, closest=False)
        assert found is not None
        start, end = (document.lines.offset(position) for position in (found.start, found.end))
        assert part == json.loads(document.text[start:end])


@given(st.text(alphabet="ab:-[]{},#&*!|>'\"\n \t?%@`<~", max_size=30))
def test_any_text_makes_a_document(text: str) -> None:
    document = read_document(text)

    assert document.data is None or not any(problem.severity == 0 and not problem.path for problem in document.problems)


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from walk(part, (*path, key))
