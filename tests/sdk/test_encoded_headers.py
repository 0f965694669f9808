"""Header fields that are encoded once, and fields that are read as one list."""

from __future__ import annotations

import pytest
from apim_sdk import HeaderField, Headers
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["A", "a", "X-Tier", "x-tier"])
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from(["1", "2", "é", ""])), max_size=8)


@given(FIELDS, NAMES, st.sampled_from(["3", "ü"]))
def test_an_encoded_field_does_what_its_text_does(fields: list[tuple[str, str]], name: str, value: str) -> None:
    by_text, encoded = Headers(fields), Headers(fields)

    by_text.set(name, value)
    by_text.add(name, value)
    encoded.put(HeaderField(name, value))
    encoded.append(HeaderField(name, value))

    assert list(by_text.raw()) == list(encoded.raw())


@given(FIELDS, NAMES)
def test_all_values_of_a_name_are_read_as_one_list(fields: list[tuple[str, str]], name: str) -> None:
    values = [value for field, value in fields if field.lower() == name.lower()]
    combined = Headers(fields).combined(name.lower().encode())

    assert (", ".join(values).encode("latin-1") if values else None) == combined


@pytest.mark.parametrize(("name", "value"), [("X Y", "1"), ("", "1"), ("X", "a\r\nY: b"), ("X", "\x00")])
def test_what_is_no_field_cannot_be_encoded(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        HeaderField(name, value)
