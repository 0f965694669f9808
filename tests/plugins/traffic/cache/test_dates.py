"""Dates are read as RFC 9110 writes them, and nothing else is."""

from __future__ import annotations

from email.utils import formatdate
from time import gmtime, strftime

import pytest
from apim_traffic.cache.dates import http_date, parse_date
from hypothesis import given
from hypothesis import strategies as st

MOMENT = 784111777.0


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_forms_are_read(text: str) -> None:
    assert MOMENT == parse_date(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert None is parse_date(text.encode())


@given(st.integers(0, 4_000_000_000))
def test_what_is_written_is_read_again(moment: int) -> None:
    assert moment == parse_date(http_date(moment).encode())
    assert moment == parse_date(formatdate(moment, usegmt=True).encode())
    assert moment == parse_date(strftime("%a %b %e %H:%M:%S %Y", gmtime(moment)).encode())


@given(st.integers(0, 3_155_759_999))
def test_two_digits_of_a_year_are_of_1970_to_2069(moment: int) -> None:
    assert moment == parse_date(strftime("%A, %d-%b-%y %H:%M:%S GMT", gmtime(moment)).encode())


@given(st.binary(max_size=40))
def test_no_bytes_raise(text: bytes) -> None:
    assert isinstance(parse_date(text), float | None)
