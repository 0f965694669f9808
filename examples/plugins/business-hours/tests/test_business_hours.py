"""What business-hours does."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from apim_sdk.testing import FakeClock, FakeContext, build, call, make_exchange
from apim_sdk.testing.conformance import suite

test_conformance = suite("business-hours")

ZURICH = {"time_zone": "Europe/Zurich", "opens": "08:00", "closes": "18:00"}


def at(moment, settings=ZURICH, zone="Europe/Zurich"):
    """What becomes of a request at a moment of the zone's clock."""
    clock = FakeClock(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp())
    return call(build("business-hours", settings), make_exchange("GET /orders"), context=FakeContext(clock=clock))


@pytest.mark.parametrize("moment", ["2026-06-01T08:00", "2026-06-01T12:30", "2026-06-05T17:59:59.999"])
def test_in_business_hours_requests_go_through(moment):
    assert at(moment).reached_endpoint


@pytest.mark.parametrize(
    ("moment", "seconds", "opening"),
    [
        ("2026-06-01T07:59:50", 11, "2026-06-01T08:00+02:00"),
        ("2026-06-01T18:00", 14 * 3600 + 1, "2026-06-02T08:00+02:00"),
        ("2026-06-05T18:00", (2 * 24 + 14) * 3600 + 1, "2026-06-08T08:00+02:00"),
    ],
    ids=["before opening", "after closing", "after closing on Friday"],
)
def test_outside_business_hours_requests_are_refused_until_the_next_opening(moment, seconds, opening):
    fault = at(moment).fault

    assert (fault.status, fault.kind.key) == (503, "OUTSIDE_BUSINESS_HOURS")
    assert fault.headers == {"Retry-After": str(seconds)}
    assert str(fault) == f"Closed until {opening}"


def test_the_hours_are_those_of_the_time_zone():
    assert at("2026-06-01T06:30", zone="UTC").reached_endpoint
    assert not at("2026-06-01T16:30", zone="UTC").reached_endpoint


def test_the_night_in_which_clocks_go_forward_is_an_hour_shorter():
    everyday = {**ZURICH, "days": ["sat", "sun"]}

    assert at("2026-03-28T20:00", everyday).fault.headers == {"Retry-After": str(11 * 3600 + 1)}


def test_a_holiday_is_no_business_day():
    outcome = at("2026-06-01T12:00", {**ZURICH, "closed_on": ["2026-06-01"]})

    assert str(outcome.fault) == "Closed until 2026-06-02T08:00+02:00"


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"time_zone": "Europe/Zürich"}, "is no time zone: write it as in Europe/Zurich"),
        ({"time_zone": "../etc/passwd"}, "is no time zone"),
        ({"time_zone": "UTC", "opens": "18:00", "closes": "08:00"}, "must be later than `opens`"),
        ({"time_zone": "UTC", "days": []}, "must name at least one day"),
        ({"time_zone": "UTC", "days": ["monday"]}, "days"),
    ],
)
def test_a_mistake_in_the_settings_is_refused_with_its_reason(settings, mistake):
    with pytest.raises(Exception, match=mistake):
        build("business-hours", settings)
