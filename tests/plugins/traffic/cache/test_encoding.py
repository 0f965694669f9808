"""Entries survive the way through a store, and bytes that are none are told from them."""

from __future__ import annotations

import pytest
from apim_sdk import Headers
from apim_sdk.testing.strategies import header_lists
from apim_traffic.cache.encoding import decode, encode
from apim_traffic.cache.entry import Entry
from hypothesis import given
from hypothesis import strategies as st

times = st.floats(0, 4e9)


def entry(headers: Headers, body: bytes = b"", born: float = 1.0, until: float = 2.0) -> Entry:
    return Entry(
        200,
        None,
        headers,
        body,
        selecting=((b"accept", b"\xfc"), (b"x", None)),
        born=born,
        fresh_until=until,
        stale_while_until=until,
        stale_if_until=until,
        kept_until=until,
        stale_allowed=True,
        tags=("a",),
        marks=(("tag a", "1"),),
    )


@given(header_lists(), st.binary(max_size=200), times, times, st.text(max_size=16))
def test_an_entry_is_the_same_after_the_way_through_a_store(
    fields: list[tuple[str, str]], body: bytes, born: float, until: float, generation: str
) -> None:
    kept = entry(Headers(fields), body, born, until)
    found, its_generation = decode(encode(kept, generation))

    assert generation == its_generation
    for name in ("status", "reason", "headers", "body", "selecting", "born", "fresh_until", "tags", "marks"):
        assert getattr(kept, name) == getattr(found, name)


@given(st.binary(max_size=100))
def test_bytes_that_are_no_entry_are_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        decode(value)


def test_a_header_that_would_split_an_answer_is_refused() -> None:
    value = encode(entry(Headers([("X-A", "1234567")])), "g").replace(b"1234567", b"a\\r\\nb:")

    with pytest.raises(ValueError, match="line breaks"):
        decode(value)
