"""What a store knows keys by."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from apim_traffic.modes.keys import text_of
from hypothesis import given
from hypothesis import strategies as st

plain = st.text() | st.binary() | st.integers() | st.none() | st.uuids() | st.ip_addresses()
keys = st.recursive(plain, lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4))


def test_a_short_text_stays_as_it_is() -> None:
    assert "shop" == text_of("shop")


def test_other_keys_can_be_read() -> None:
    assert "#('orders','1.0',None)" == text_of(("orders", "1.0", None))
    assert "#IPv4Address('192.0.2.1')" == text_of(ip_address("192.0.2.1"))
    assert "#UUID('12345678-1234-5678-1234-567812345678')" == text_of(UUID("12345678123456781234567812345678"))


def test_the_text_does_not_depend_on_the_order_of_a_set() -> None:
    assert text_of(frozenset(["a", "b", "c"])) == text_of(frozenset(["c", "b", "a"]))


@given(keys, keys)
def test_texts_are_short_and_as_different_as_keys(one: Any, other: Any) -> None:
    assert len(text_of(one)) <= 512
    assert (text_of(one) == text_of(other)) == (repr(one) == repr(other) or one == other)


def test_a_key_that_another_process_would_write_otherwise_is_refused() -> None:
    with pytest.raises(TypeError, match="is no key for a counter store"):
        text_of(object())
