"""What may be kept, and for how long: RFC 9111, section by section."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from apim_sdk import Headers
from apim_traffic.cache.dates import http_date
from apim_traffic.cache.judging import LONGEST, Refused, Rules, Terms
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_700_000_000.0
RULES = Rules(86400.0, None, None, frozenset({200, 301}), 0.0, 0.0, (b"cdn-cache-control",), "refuse")


def judged(fields: dict[str, str], status: int = 200, held: bool = True, delay: float = 0.0, **rules: Any) -> Any:
    return attrs.evolve(RULES, **rules).judge(status, Headers(fields.items()), held, NOW - delay, NOW)


def lifetime(fields: dict[str, str], status: int = 200, **rules: Any) -> float | None:
    """Seconds for which an answer is fresh from now on; None if it is not kept."""
    terms = judged(fields, status, **rules)
    return terms.fresh_until - NOW if isinstance(terms, Terms) else None


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Cache-Control": "max-age=60"}, 60.0),
        ({"Cache-Control": "max-age=60, s-maxage=30"}, 30.0),
        ({"Cache-Control": "max-age=1, s-maxage=30"}, 30.0),
        ({"Cache-Control": "max-age=60", "Expires": http_date(NOW - 5)}, 60.0),
        ({"Expires": http_date(NOW + 100)}, 100.0),
        ({"Expires": http_date(NOW + 100), "Date": http_date(NOW + 10)}, 90.0),
        ({"Cache-Control": "max-age=60", "Age": "20"}, 40.0),
        ({"Cache-Control": "max-age=60", "Age": "20, 50"}, 40.0),
        ({"Cache-Control": "max-age=60", "Age": "a"}, 60.0),
        ({"Cache-Control": "max-age=60", "Date": http_date(NOW - 15)}, 45.0),
        ({"Cache-Control": "max-age=999999"}, 86400.0),
        ({"CDN-Cache-Control": "max-age=5", "Cache-Control": "max-age=60, no-store"}, 5.0),
        ({"Expires": "0"}, None),
        ({"Cache-Control": "max-age=60", "Age": "61"}, None),
        ({}, None),
    ],
)
def test_an_answer_is_fresh_for_so_long(fields: dict[str, str], seconds: float | None) -> None:
    assert seconds == lifetime(fields)


def test_the_time_that_the_answer_took_counts_as_age() -> None:
    terms = judged({"Cache-Control": "max-age=60"}, delay=3.0)

    assert NOW + 57.0 == terms.fresh_until


@pytest.mark.parametrize(
    ("fields", "status", "held", "reason"),
    [
        ({"Cache-Control": "no-store, max-age=60"}, 200, True, "no-store"),
        ({"Cache-Control": "private, max-age=60"}, 200, True, "private"),
        ({"Cache-Control": "max-age=60"}, 206, True, "status"),
        ({"Cache-Control": "max-age=60"}, 304, True, "status"),
        ({"Cache-Control": "max-age=60, must-understand"}, 599, True, "status"),
        ({"Cache-Control": "max-age=60"}, 200, False, "authorised"),
        ({"Cache-Control": "max-age=60, proxy-revalidate"}, 200, False, "authorised"),
        ({"Cache-Control": "max-age=60", "Set-Cookie": "a=b"}, 200, True, "set-cookie"),
        ({}, 200, True, "no lifetime"),
        ({"Cache-Control": "max-age=0"}, 200, True, "stale"),
    ],
)
def test_an_answer_is_not_kept(fields: dict[str, str], status: int, held: bool, reason: str) -> None:
    assert Refused(reason) == judged(fields, status, held)


@pytest.mark.parametrize("allowing", ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"])
def test_what_a_call_with_credentials_brings_is_kept_where_it_says_that_it_may_be_shared(allowing: str) -> None:
    assert isinstance(judged({"Cache-Control": allowing}, held=False), Terms)


def test_an_error_is_kept_only_where_it_says_for_how_long() -> None:
    assert [None, None, 60.0] == [
        lifetime({}, 404, default_ttl=60.0),
        lifetime({"Last-Modified": http_date(NOW - 1000)}, 404, heuristic=0.1),
        lifetime({"Cache-Control": "max-age=60"}, 404),
    ]


def test_a_silent_answer_is_fresh_by_the_operators_word() -> None:
    silent = {"Last-Modified": http_date(NOW - 1000)}

    assert [30.0, 100.0, 100.0] == [
        lifetime({}, default_ttl=30.0),
        lifetime(silent, heuristic=0.1),
        lifetime(silent, default_ttl=30.0, heuristic=0.1),
    ]


def test_no_cache_is_kept_to_be_validated_and_never_fresh() -> None:
    terms = judged({"Cache-Control": "no-cache, max-age=60", "ETag": '"a"'}, stale_if_error=60.0)

    assert (NOW, NOW, NOW, False) == (
        terms.fresh_until,
        terms.stale_while_until,
        terms.stale_if_until,
        terms.stale_allowed,
    )


@pytest.mark.parametrize("strict", ["must-revalidate", "proxy-revalidate", "no-cache"])
def test_no_stale_answer_is_given_where_the_backend_forbids_it(strict: str) -> None:
    said = f"max-age=60, {strict}, stale-while-revalidate=9, stale-if-error=9"
    terms = judged({"Cache-Control": said, "ETag": '"a"'}, stale_if_error=60.0)

    assert (terms.fresh_until, terms.fresh_until) == (terms.stale_while_until, terms.stale_if_until)


def test_s_maxage_forbids_what_the_operator_allows_and_not_what_the_backend_says_itself() -> None:
    silent = judged({"Cache-Control": "s-maxage=60"}, stale_if_error=60.0)
    saying = judged({"Cache-Control": "s-maxage=60, stale-if-error=9"}, stale_if_error=60.0)

    assert (NOW + 60.0, NOW + 69.0) == (silent.stale_if_until, saying.stale_if_until)


def test_fields_that_are_not_for_everybody_are_not_kept() -> None:
    terms = judged({"Cache-Control": 'max-age=60, no-cache="X-A"', "Set-Cookie": "a=b"}, set_cookie="remove")

    assert {b"x-a", b"set-cookie"} <= terms.without


@given(
    st.integers(0, 10**10),
    st.integers(0, 10**10),
    st.integers(-(10**6), 10**6),
    st.integers(0, 10**10),
    st.floats(0, 30),
)
def test_nothing_is_kept_for_longer_than_is_remembered_what_was_purged(
    age: int, max_age: int, skew: int, window: int, delay: float
) -> None:
    fields = {
        "Age": str(age),
        "Cache-Control": f"max-age={max_age}, stale-if-error={window}",
        "Date": http_date(NOW + skew),
        "ETag": '"a"',
    }
    terms = judged(fields, delay=delay)

    assert NOW - terms.born >= max(0, age if age < 2**31 else 2**31, -skew - 1)
    assert terms.fresh_until <= NOW + min(max_age, 86400.0)
    assert terms.kept_until <= NOW + 86400.0 + LONGEST + 1
