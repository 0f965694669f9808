"""So many requests in a day or a month, whose window begins with the calendar or with the first call."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from apim_sdk import Application, Exchange, errors
from apim_sdk.testing import FakeContext, build, make_exchange
from apim_traffic.quota import Quota
from support import limits as support_limits
from support.limits import Try, reset

limited = partial(support_limits.limited, Quota)
statuses = partial(support_limits.statuses, Quota)


def at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_as_many_as_allowed_pass_in_a_window() -> None:
    exchanges = [make_exchange() for _ in range(3)]

    assert [200, 200, 429] == statuses({"requests": 2, "per": "1d"}, *exchanges)


@pytest.mark.parametrize(
    ("per", "zone", "now", "ends"),
    [
        ("1m", "UTC", "2026-03-10T10:20:30Z", "2026-03-10T10:21:00Z"),
        ("1h", "UTC", "2026-03-10T10:20:30Z", "2026-03-10T11:00:00Z"),
        ("1d", "UTC", "2026-03-10T10:20:30Z", "2026-03-11T00:00:00Z"),
        ("day", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z"),
        ("1w", "UTC", "2026-03-10T10:20:30Z", "2026-03-16T00:00:00Z"),
        ("1 month", "UTC", "2026-02-10T10:20:30Z", "2026-03-01T00:00:00Z"),
        ("year", "UTC", "2026-02-10T10:20:30Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_window_of_the_calendar_ends_with_it(per: str, zone: str, now: str, ends: str) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        context.clock.epoch = at(now)
        await attempt(make_exchange())
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert str(round(at(ends) - at(now))) == fault.headers["Retry-After"]
        context.clock.epoch = at(ends)
        assert 200 == (await attempt(make_exchange())).status

    limited({"requests": 1, "per": per, "time_zone": zone}, steps)


def test_a_window_can_begin_with_the_first_call() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        context.clock.epoch = at("2026-03-10T23:59:59Z")
        await attempt(make_exchange())
        context.clock.advance(86_399)
        assert 429 == (await attempt(make_exchange())).status
        context.clock.advance(1)
        assert 200 == (await attempt(make_exchange())).status

    limited({"requests": 1, "per": "1d", "window": "first-call"}, steps)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("subscription", errors.SUBSCRIPTION_BURST_EXCEEDED),
        ("api", errors.SUBSCRIPTION_BURST_EXCEEDED),
        ("application", errors.APPLICATION_BURST_EXCEEDED),
        ("application-user", errors.APPLICATION_BURST_EXCEEDED),
    ],
)
def test_a_burst_beside_the_quota_has_a_code_of_its_own(key: str, kind: errors.ErrorKind) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        outcomes = [await attempt(make_exchange()) for _ in range(2)]
        assert [None, kind] == [each.fault and each.fault.kind for each in outcomes]

    limited({"requests": 100, "per": "1d", "key": key, "burst": {"requests": 1, "per": "1s"}}, steps)


def test_what_the_burst_refuses_does_not_use_up_the_quota_nor_the_other_way_round() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen = []
        for _ in range(4):
            seen += [(await attempt(make_exchange())).fault for _ in range(2)]
            context.clock.advance(1)
        codes = [fault and fault.kind.code for fault in seen]
        assert [None, "900807", None, "900807", "900804", "900804", "900804", "900804"] == codes

    limited({"requests": 2, "per": "1w", "burst": {"requests": 1, "per": "1s"}}, steps)


def test_headers_tell_of_both() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        context.clock.epoch = at("2026-03-10T23:59:00Z")
        response = (await attempt(make_exchange())).response
        assert response is not None
        assert {
            '"subscription-quota";q=9;w=86400, "subscription-burst";q=2;w=1',
            '"subscription-quota";r=8;t=60, "subscription-burst";r=1;t=1',
        } == {value for _, value in response.headers.items()}

    settings = {"requests": 9, "per": "1d", "headers": ["ratelimit"], "burst": {"requests": 2, "per": "1s"}}
    limited(settings, steps)


def test_a_quota_that_does_not_stop_still_holds_the_burst() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen: list[Any] = []
        for pause in (0, 0, 1, 1):
            context.clock.advance(pause)
            outcome = await attempt(make_exchange())
            seen.append((outcome.status, outcome.exchange.variables.get("over_quota")))
        assert [(200, None), (429, None), (200, "subscription-quota"), (200, "subscription-quota")] == seen

    settings = {"requests": 1, "per": "1d", "stop_on_quota": False, "burst": {"requests": 1, "per": "1s"}}
    limited(settings, steps)


def test_a_reset_is_of_quota_and_burst() -> None:
    def call() -> Exchange:
        return make_exchange(application=Application("shop", "a1"))

    async def steps(attempt: Try, context: FakeContext) -> None:
        assert [200, 429] == [(await attempt(call())).status for _ in range(2)]
        assert await reset(context, {"application": "a1"})
        assert [200, 429] == [(await attempt(call())).status for _ in range(2)]

    limited({"requests": 1, "per": "1d", "key": "application", "burst": {"requests": 1, "per": "1h"}}, steps)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"requests": 1, "per": "90m"}, "the calendar has no window of 90m"),
        ({"requests": 1, "per": "3 months"}, "the calendar has no window of 3 months"),
        ({"requests": 1, "per": "1 fortnight"}, "no window: write 30m, 1d, 1w, 1 month, 1 year"),
        ({"requests": 1, "per": "0s", "window": "first-call"}, "seconds"),
        ({"requests": 1, "per": "1d", "time_zone": "Europe/Atlantis"}, "no time zone"),
        ({"requests": 1, "per": "1d", "time_zone": "../secret"}, "no time zone"),
        (
            {"requests": 1, "per": "1d", "burst": {"requests": 1, "per": "1s", "algorithm": "sliding-log", "burst": 3}},
            "only gcra has a burst",
        ),
    ],
)
def test_settings_that_make_no_quota_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(Quota, settings)


@pytest.mark.parametrize("per", ["90m", "3 months", "2 years"])
def test_any_span_will_do_from_a_first_call_on(per: str) -> None:
    assert [200, 429] == statuses({"requests": 1, "per": per, "window": "first-call"}, make_exchange(), make_exchange())
