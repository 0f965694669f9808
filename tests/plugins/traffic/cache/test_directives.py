"""Cache-Control by lenient rules, targeted fields by strict ones."""

from __future__ import annotations

import pytest
from apim_sdk import Headers
from apim_traffic.cache.directives import (
    NOTHING_SAID,
    Directives,
    delta_seconds,
    directives_of,
    parse_cache_control,
    parse_targeted,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", Directives()),
        ("max-age=60", Directives(max_age=60)),
        ("MAX-AGE=60, Public", Directives(max_age=60, public=True)),
        ('max-age="60"', Directives(max_age=60)),
        ("max-age='60'", Directives(max_age=0)),
        ("max-age=-1", Directives(max_age=0)),
        ("max-age=1.5", Directives(max_age=0)),
        ("max-age", Directives(max_age=0)),
        ("max-age =60", Directives()),
        ("max-age=99999999999", Directives(max_age=2**31)),
        ("max-age=1, max-age=60", Directives(max_age=1)),
        ('x="max-age=60", max-age=1', Directives(max_age=1)),
        ('x="a\\"b, no-store", max-age=1', Directives(max_age=1)),
        (
            "s-maxage=5,,stale-if-error=7 , stale-while-revalidate=9",
            Directives(s_maxage=5, stale_if_error=7, stale_while_revalidate=9),
        ),
        (
            "no-store,must-revalidate,proxy-revalidate,must-understand",
            Directives(no_store=True, must_revalidate=True, proxy_revalidate=True, must_understand=True),
        ),
        ("no-cache", Directives(no_cache=True)),
        ('no-cache="Set-Cookie, X-A"', Directives(fields=frozenset({b"set-cookie", b"x-a"}))),
        ("private=x-b", Directives(fields=frozenset({b"x-b"}))),
        ("private", Directives(private=True)),
        ("max-stale", Directives(max_stale=2**31)),
        ("max-stale=5, min-fresh=3, only-if-cached", Directives(max_stale=5, min_fresh=3, only_if_cached=True)),
    ],
)
def test_cache_control_is_read(text: str, said: Directives) -> None:
    assert said == parse_cache_control(text.encode())


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    assert isinstance(parse_cache_control(value), Directives)
    assert isinstance(parse_targeted(value), Directives | None)


@given(st.integers(0, 10**18))
def test_a_number_of_seconds_stays_what_it_is_up_to_2_to_the_31(seconds: int) -> None:
    assert min(seconds, 2**31) == delta_seconds(str(seconds).encode())


@given(st.lists(st.sampled_from([b"max-age=60", b"public", b"x=1", b'y="a, b"', b"no-store"]), max_size=6))
def test_directives_read_the_same_on_one_line_and_on_several(members: list[bytes]) -> None:
    headers = Headers.from_raw([(b"Cache-Control", member) for member in members])
    joined = parse_cache_control(b", ".join(members)) if members else NOTHING_SAID

    assert (joined, False) == directives_of(headers, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max-age=60", Directives(max_age=60)),
        ("no-store, private, max-age=0;x=1", Directives(no_store=True, private=True, max_age=0)),
        ("", None),
        ("max-age=", None),
        ('max-age="60"', None),
        ("max-age=-1", None),
        ("MaX-aGe=60", None),
        ("no-store=?0", None),
        ("max-age=60, max-age=5", Directives(max_age=5)),
        ("unknown=(1 2), max-age=60", Directives(max_age=60)),
    ],
)
def test_a_targeted_field_is_a_dictionary_or_is_nothing(text: str, said: Directives | None) -> None:
    assert said == parse_targeted(text.encode())


def test_the_first_targeted_field_that_says_something_counts() -> None:
    headers = Headers([("Cache-Control", "no-store"), ("CDN-Cache-Control", "max-age=5"), ("Apim-Cache-Control", "(")])

    assert (Directives(max_age=5), True) == directives_of(headers, (b"apim-cache-control", b"cdn-cache-control"))
    assert (Directives(no_store=True), False) == directives_of(headers, (b"apim-cache-control",))
