"""Dates of header fields, as RFC 9110 (section 5.6.7) writes them, and no others."""

from __future__ import annotations

import re
from calendar import timegm
from email.utils import formatdate
from functools import lru_cache
from typing import Final

__all__ = ["http_date", "parse_date"]

_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTH: Final = rb"(?P<month>" + b"|".join(_MONTHS) + rb")"
_TIME: Final = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rb"(?:mon|tue|wed|thu|fri|sat|sun), (?P<day>\d\d) " + _MONTH + rb" (?P<year>\d{4}) " + _TIME + rb" gmt",
        rb"(?:mon|tues|wednes|thurs|fri|satur|sun)day, (?P<day>\d\d)-"
        + _MONTH
        + rb"-(?P<year>\d\d) "
        + _TIME
        + b" gmt",
        rb"(?:mon|tue|wed|thu|fri|sat|sun) " + _MONTH + rb" (?P<day>[ \d]\d) " + _TIME + rb" (?P<year>\d{4})",
    )
)
"""IMF-fixdate, RFC 850, asctime."""
_THIS_CENTURY: Final = 70
"""Two digits from here on are of the last century: nothing that RFC 850 dated is older."""


@lru_cache(maxsize=1024)
def parse_date(value: bytes) -> float | None:
    """Seconds since the epoch; None where the value is no date of HTTP."""
    for form in _FORMS:
        found = form.fullmatch(value)
        if found is not None:
            break
    else:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 1900 if year >= _THIS_CENTURY else 2000
    month = _MONTHS.index(found["month"].lower()) + 1
    day, hour, minute, second = (int(found[name]) for name in ("day", "hour", "minute", "second"))
    if not 1 <= day <= 31 or hour > 23 or minute > 59 or second > 60:
        return None
    return float(timegm((year, month, day, hour, minute, second)))


def http_date(moment: float) -> str:
    """The date as messages carry it."""
    return formatdate(moment, usegmt=True)
