"""Line and column of a JSON Pointer."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config import pointers
from apim_core.config.positions import Position, find

TEXT = b"""listen: 127.0.0.1:8080
apis:
  - name: orders
    flows: {request: [{set-header: {name: X}}]}
  - name: invoices
    a/b: {m~n: 1}
    alias: &anchor [1]
    again: *anchor
"""


def test_a_value_and_its_key_are_found() -> None:
    assert {"/apis/1/name": Position((5, 11), (5, 5))} == find(TEXT, ["/apis/1/name"])


def test_an_item_of_a_list_has_no_key() -> None:
    assert {"/apis/1": Position((5, 5), None)} == find(TEXT, ["/apis/1"])


def test_the_whole_document_begins_where_its_first_key_does() -> None:
    assert {"": Position((1, 1))} == find(TEXT, [""])


def test_places_inside_one_line_are_told_apart() -> None:
    pointer = "/apis/0/flows/request/0/set-header/name"

    assert {pointer: Position((4, 43), (4, 37))} == find(TEXT, [pointer])


def test_escaped_keys_are_found() -> None:
    assert {"/apis/1/a~1b/m~0n": Position((6, 16), (6, 11))} == find(TEXT, ["/apis/1/a~1b/m~0n"])


def test_what_is_not_there_gets_the_place_that_would_hold_it() -> None:
    assert {"/apis/0/version": Position((3, 5))} == find(TEXT, ["/apis/0/version"])


def test_what_stands_behind_an_alias_gets_the_place_of_the_alias() -> None:
    assert {"/apis/1/again/0": Position((8, 12), (8, 5))} == find(TEXT, ["/apis/1/again/0"])


def test_the_part_before_a_mistake_is_still_found() -> None:
    assert {"/a": Position((1, 4), (1, 1))} == find(b"a: 1\nb: [", ["/a"])


def test_nothing_is_found_in_what_is_no_text() -> None:
    assert {} == find(b"\xff", ["/a"])


@settings(deadline=None)
@given(
    st.recursive(
        st.integers(),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=4)
            | st.dictionaries(st.text("ab/~", min_size=1, max_size=3), inner, min_size=1, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_the_position_of_every_pointer_is_where_the_yaml_writer_put_it(data: Any) -> None:
    text = yaml.safe_dump(data)
    marks = {}

    def walk(node: yaml.Node, pointer: str) -> None:
        marks[pointer] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                walk(value, pointers.child(pointer, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, pointers.child(pointer, index))

    walk(yaml.compose(text), "")

    assert marks == {pointer: position.value for pointer, position in find(text.encode(), marks).items()}
