"""How long an answer may be kept, by what its header says."""

from __future__ import annotations

import pytest
from apim_keymanagers.freshness import lifetime
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_768_000_000.0
AT = "Fri, 09 Jan 2026 23:06:40 GMT"
"""The same time as an HTTP-date."""
LATER = "Sat, 10 Jan 2026 00:06:40 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "max-age=300"}, 300.0),
        ({"cache-control": "public, max-age=300, must-revalidate"}, 300.0),
        ({"cache-control": 'Max-Age="300"'}, 300.0),
        ({"cache-control": "max-age=300", "age": "100"}, 200.0),
        ({"cache-control": "max-age=300", "age": "300"}, None),
        ({"cache-control": "max-age=0"}, None),
        ({"cache-control": "no-cache, max-age=300"}, None),
        ({"cache-control": "no-store"}, None),
        ({"cache-control": "max-age=-1"}, None),
        ({"cache-control": "max-age=soon"}, None),
        ({"cache-control": "max-age"}, None),
        ({"cache-control": "s-maxage=300"}, None),
        ({"expires": LATER, "date": AT}, 3600.0),
        ({"expires": LATER}, 3600.0),
        ({"expires": AT, "date": LATER}, None),
        ({"expires": "0"}, None),
        ({"expires": "Fri, 99 Jan 2026 23:06:40 GMT"}, None),
        ({"expires": LATER, "cache-control": "max-age=300"}, 300.0),
        ({"expires": LATER, "cache-control": "no-cache"}, None),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_it_says(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds == lifetime(headers, NOW)


@given(st.dictionaries(st.sampled_from(["cache-control", "age", "expires", "date"]), st.text(max_size=60)))
def test_whatever_a_server_sends_is_a_time_ahead_or_none(headers: dict[str, str]) -> None:
    seconds = lifetime(headers, NOW)

    assert seconds is None or seconds > 0
