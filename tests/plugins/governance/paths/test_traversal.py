"""What expressions find, one feature each; bounds, and graphs that lead back into themselves."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.paths.parser import parse
from apim_governance.paths.syntax import PathSyntaxError
from apim_governance.paths.traversal import Traversal, find
from hypothesis import given, settings
from hypothesis import strategies as st

STORE: dict[str, Any] = {
    "store": {
        "books": [
            {"title": "One", "price": 8, "tags": ["a", "b"]},
            {"title": "Two", "price": 12.5, "in": None},
            {"title": "Three", "type": ["integer", "null"]},
        ],
        "owner": {"name": "Ada", "x-y": True, "200": "ok", "404": "no"},
    }
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$", [""]),
        ("$.store.owner.name", ["store.owner.name"]),
        ("$['store'][\"owner\"]['x-y']", ["store.owner.x-y"]),
        ("$.store[owner,missing]", ["store.owner"]),
        ("$.store.owner.200", ["store.owner.200"]),
        ("$.store.books[*].title", ["store.books.0.title", "store.books.1.title", "store.books.2.title"]),
        ("$.store.books[-1].title", ["store.books.2.title"]),
        ("$.store.books[(@.length-1)].title", ["store.books.2.title"]),
        ("$.store.books[1:].title", ["store.books.1.title", "store.books.2.title"]),
        ("$..title", ["store.books.0.title", "store.books.1.title", "store.books.2.title"]),
        ("$..[?(@.price > 10)]", ["store.books.1"]),
        ("$..books[?(@.price)]", ["store.books.0", "store.books.1"]),
        ("$..books[?(!@.price)]", ["store.books.2"]),
        ("$.store.owner[?(@property >= 400)]", ["store.owner.404"]),
        ("$.store.owner[?(@property.match(/^[0-9]{3}$/) && @ === 'ok')]", ["store.owner.200"]),
        ("$..books[?(@.tags && @.tags.includes('b'))]", ["store.books.0"]),
        ("$..books[?(@.type && @.type.constructor.name === 'Array')]", ["store.books.2"]),
        ("$..books[?(@.in === null)]", ["store.books.1"]),
        ("$..books[?(@.price === void 0)]", ["store.books.2"]),
        ("$..books[?(@.in.deeper)]", []),
        ("$..books[?(@.title in @parent)]", []),
        ("$..price^", ["store.books.0", "store.books.1"]),
        ("$..price^^", ["store.books"]),
        ("$.store~", ["store"]),
        ("$..[?(@property === 'price')]^.title", ["store.books.0.title", "store.books.1.title"]),
        ("$..[?(@path.match(/owner'\\]$/))]", ["store.owner"]),
        ("$.store.books[?(@.title === $.store.books[1].title)]", ["store.books.1"]),
        ("$.store.books[*].tags@array()", ["store.books.0.tags"]),
        ("$.store.books[?(@.price % 5 === 2.5 ? true : false)]", ["store.books.1"]),
    ],
)
def test_an_expression_finds_its_nodes(expression: str, expected: list[str]) -> None:
    assert sorted(expected) == sorted(".".join(map(str, path)) for path, _ in find(parse(expression), STORE))


def test_the_name_stands_for_the_value_where_it_is_asked_for() -> None:
    assert [(("store", "owner"), "owner")] == find(parse("$.store.owner~"), STORE)


@pytest.mark.parametrize(
    ("expression", "position", "reason"),
    [
        ("store", 0, "it does not begin with $"),
        ("$.", 2, "a name is missing behind the dot"),
        ("$.a[", 4, "a name, a number, *, a slice or a filter is missing"),
        ("$.a[?(@.b", 9, "')' is missing"),
        ("$.a[?(@.b.constructor('x'))]", 10, "there is no method 'constructor' here"),
        ("$.a[?(eval('1'))]", 6, "'eval' is not known"),
        ("$.a[?(@.b = 1)]", 10, "')' is missing"),
        ("$.a[?(@.match(/(/))]", 14, "Invalid regular expression"),
        ("$.a[::0]", 7, "the step of a slice is not 0"),
        ("$[?(" + "(" * 200 + "1" + ")" * 200 + ")]", 53, "nested more than 50 deep"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(expression: str, position: int, reason: str) -> None:
    with pytest.raises(PathSyntaxError) as raised:
        parse(expression)

    assert reason in str(raised.value)
    assert position == raised.value.position


def test_a_graph_that_leads_back_into_itself_is_walked_once() -> None:
    node: dict[str, Any] = {"type": "string"}
    node["again"] = node

    found: list[Any] = []
    Traversal([parse("$..type")], once=True).run(node, lambda index, value, path: found.append(path))

    assert [("type",)] == found


def test_what_is_reached_twice_in_the_same_state_is_told_once_if_that_is_wanted() -> None:
    shared = {"type": "string"}
    graph = {"a": {"schema": shared}, "b": {"schema": shared}}
    found: list[Any] = []

    Traversal([parse("$..type")], once=True).run(graph, lambda index, value, path: found.append(path))

    assert 1 == len(found)


def test_depth_is_bounded_by_memory_alone() -> None:
    value: Any = {"leaf": 1}
    for _ in range(50_000):
        value = {"a": value}

    assert 1 == len(find(parse("$..leaf"), value))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=20,
)
expressions = st.lists(
    st.sampled_from(
        [
            ".a",
            ".b",
            "[a,c]",
            "[*]",
            ".*",
            "..a",
            "..*",
            "..[b,d]",
            "[0]",
            "[-1]",
            "[0:2]",
            "[?(@.a)]",
            "..[?(@ === 1)]",
            "[?(@property === 'b')]",
            "..[?(@.a && @.b || @.c !== void 0)]",
            "[?(@.length > 1)]",
            "[?(@ && @.a === 'a')]",
        ]
    ),
    max_size=4,
).map(lambda parts: "$" + "".join(parts))


@given(values, st.lists(expressions, min_size=2, max_size=8))
@settings(max_examples=300, deadline=None)
def test_expressions_do_not_disturb_each_other(document: Any, texts: list[str]) -> None:
    paths = [parse(text) for text in texts]
    together: list[list[Any]] = [[] for _ in paths]
    Traversal(paths).run(document, lambda index, value, path: together[index].append(path))

    assert [sorted(map(str, each)) for each in together] == [
        sorted(str(path) for path, _ in find(each, document)) for each in paths
    ]
