"""Search filters are sent as the standard encodes them, and nothing that a user writes leaves its place in one."""

from __future__ import annotations

import pytest
from apim_auth.ldap_filter import InvalidFilter, encode_filter, escape
from apim_auth.ldap_messages import InvalidMessage, elements, octets, tlv
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), ("a*b", "a\\2ab"), ("(\\)", "\\28\\5c\\29"), ("\0", "\\00"), ("ä", "\\c3\\a4")]
)
def test_values_in_a_filter_are_escaped(value: str, expected: str) -> None:
    assert expected == escape(value)


@given(st.text())
def test_no_value_can_leave_its_place_in_a_filter(value: str) -> None:
    assert not set(escape(value)) & set("*()\0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(uid=a)", "a308 0403756964 040161"),
        ("(uid=*)", "8703756964"),
        ("(uid=a\\2ab)", "a30a 0403756964 0403612a62"),
        ("(&(a=b)(!(c>=d)))", "a012 a306040161040162 a208 a506040163040164"),
        ("(|(a~=b))", "a108 a806040161040162"),
        ("(a=b*c*d)", "a40e 040161 3009 800162 810163 820164"),
        ("(a=*c*)", "a408 040161 3003 810163"),
        ("(member:1.2:=d)", "a910 8103312e32 82066d656d626572 830164"),
        ("(:dn:2:=d)", "a909 810132 830164 8401ff"),
    ],
)
def test_a_filter_is_sent_as_the_standard_encodes_it(text: str, expected: str) -> None:
    assert bytes.fromhex(expected) == encode_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uid=a",
        "(uid=a",
        "(uid=a))",
        "()",
        "(&)",
        "(!(a=b)(c=d))",
        "(a=b\\2)",
        "(ä=b)",
        "(a=b)x",
        "(:=d)",
        "(a=(b))",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        encode_filter(text)


def test_filters_are_nested_so_deep() -> None:
    assert encode_filter("(!" * 16 + "(a=b)" + ")" * 16)
    with pytest.raises(InvalidFilter, match="too deeply"):
        encode_filter("(!" * 17 + "(a=b)" + ")" * 17)


@given(st.text())
def test_a_value_that_is_escaped_is_sent_as_it_is(value: str) -> None:
    assert encode_filter(f"(a={escape(value)})").endswith(octets(value) if value else b"\x04\x00")


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300))))
def test_what_is_encoded_is_read_again(pairs: list[tuple[int, bytes]]) -> None:
    assert pairs == list(elements(b"".join(tlv(tag, content) for tag, content in pairs)))


@given(st.binary())
def test_no_bytes_do_anything_else(data: bytes) -> None:
    try:
        found = list(elements(data))
    except InvalidMessage:
        return
    assert len(data) >= sum(len(content) + 2 for _, content in found)
