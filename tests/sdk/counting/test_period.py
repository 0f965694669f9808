"""Windows as operators write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from apim_sdk.counting.period import Period, zone_named


@pytest.mark.parametrize(
    ("text", "seconds", "calendar"),
    [
        ("1m", 60, "minute"),
        ("60s", 60, "minute"),
        ("1d", 86_400, "day"),
        ("7d", 604_800, "week"),
        ("90m", 5_400, None),
        ("month", 2_592_000, "month"),
        ("1 month", 2_592_000, "month"),
        ("3 months", 7_776_000, None),
        ("1year", 31_536_000, "year"),
        ("250ms", 0.25, None),
    ],
)
def test_a_window_has_a_length_and_may_be_one_of_the_calendar(text: str, seconds: float, calendar: str | None) -> None:
    period = Period(text)
    assert (text, seconds, calendar) == (str(period), period.seconds, period.calendar)


@pytest.mark.parametrize("text", ["", "month ago", "-1d", "1.5 months", "1234567 days", "fortnight"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no window"):
        Period(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("1 month", "2026-04-01T00:00:00+02:00"),
        ("1d", "2026-03-11T00:00:00+01:00"),
        ("90m", "2026-03-10T11:30:00+01:00"),
    ],
)
def test_it_says_when_the_window_of_a_moment_ends(text: str, end: str) -> None:
    moment = datetime(2026, 3, 10, 10, 0, tzinfo=UTC).timestamp()
    assert datetime.fromisoformat(end).timestamp() == Period(text).end(moment, ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("name", ["", "Europe/Atlantis", "../etc/passwd", "/etc/passwd", "Europe"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        zone_named(name)
