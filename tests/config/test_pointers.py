"""JSON Pointers, RFC 6901."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config import pointers


@settings(deadline=None)
@given(st.lists(st.text()))
def test_a_pointer_splits_into_the_segments_it_was_joined_of(segments: list[str]) -> None:
    assert tuple(segments) == pointers.split(pointers.join(segments))


@settings(deadline=None)
@given(st.lists(st.text()), st.text())
def test_the_parent_of_a_child_is_the_pointer_itself(segments: list[str], key: str) -> None:
    pointer = pointers.join(segments)

    assert pointer == pointers.parent(pointers.child(pointer, key))


@pytest.mark.parametrize(
    ("segments", "pointer"),
    [((), ""), (("foo",), "/foo"), (("foo", 0), "/foo/0"), (("",), "/"), (("a/b",), "/a~1b"), (("m~n",), "/m~0n")],
)
def test_the_examples_of_rfc_6901_section_5(segments: tuple[str, ...], pointer: str) -> None:
    assert pointer == pointers.join(segments)


def test_a_pointer_that_does_not_begin_with_a_slash_is_refused() -> None:
    with pytest.raises(ValueError, match="must be empty or begin with '/'"):
        pointers.split("foo/bar")
