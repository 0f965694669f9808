"""Limits that count messages of streams: `unit: events`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from apim_sdk import Exchange, Message, Policy, Reject
from apim_sdk.testing import FakeContext, FakeCounterStore, build, make_exchange, run, started
from apim_traffic.quota import Quota
from apim_traffic.rate_limit import RateLimit
from apim_traffic.spike_arrest import SpikeArrest


def message(data: bytes = b"x") -> Message:
    return Message("to_client", "text", data)


async def sent(policy: Policy, exchange: Exchange, times: int) -> str:
    """What becomes of so many messages: a dot for each that passes, else the code of the refusal."""
    seen = ""
    for _ in range(times):
        try:
            pending = policy.on_message(exchange, message())  # type: ignore[attr-defined]
            if pending is not None:
                await pending
            seen += "."
        except Reject as refusal:
            seen += f" {refusal.kind.code}"
    return seen


def limited(
    policy: type[Policy], settings: dict[str, Any], steps: Callable[[Any, FakeContext], Any], **options: Any
) -> None:
    async def body() -> None:
        context = FakeContext(**options)
        built = build(policy, {"unit": "events", "key": "api", **settings})
        async with started(built, context):
            await steps(built, context)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        (RateLimit, {"requests": 3, "per": "1h"}),
        (RateLimit, {"requests": 3, "per": "1h", "algorithm": "fixed-window"}),
        (RateLimit, {"requests": 3, "per": "1h", "algorithm": "sliding-window"}),
        (RateLimit, {"requests": 3, "per": "1h", "algorithm": "sliding-log"}),
        (Quota, {"requests": 3, "per": "1 year"}),
        (Quota, {"requests": 100, "per": "1 year", "burst": {"requests": 3, "per": "1h"}}),
        (SpikeArrest, {"requests": 3, "per": "1h", "slice": "1h"}),
    ],
)
def test_messages_count_and_the_call_that_opens_the_stream_does_not(
    policy: type[Policy], settings: dict[str, Any]
) -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        first, second = make_exchange(), make_exchange()
        for exchange in (first, second):
            assert 200 == (await run(built, exchange)).status
        assert "..." == await sent(built, first, 3)
        assert " 900808" == await sent(built, second, 1), "of one API all streams count together"
        fault = (await run(built, make_exchange())).fault
        assert fault is not None
        assert (429, "900808") == (fault.status, fault.kind.code)
        assert "Retry-After" in fault.headers
        assert "your limit of" in str(fault)
        assert "events in" in str(fault)

    limited(policy, settings, steps)


def test_what_a_limit_refuses_does_not_count() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        await run(built, exchange)
        assert ".. 900808 900808" == await sent(built, exchange, 4)
        context.clock.advance(1800)
        assert ". 900808" == await sent(built, exchange, 2)

    limited(RateLimit, {"requests": 2, "per": "1h"}, steps)


def test_a_quota_with_a_burst_takes_nothing_of_the_burst_where_the_quota_refuses() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        await run(built, exchange)
        assert "." == await sent(built, exchange, 1)
        refused = message()
        with pytest.raises(Reject) as refusal:
            built.on_message(exchange, refused)
        for callback in refused._refused or ():
            callback(refusal.value)
        (burst, key), _ = exchange.variables[built._slot]
        assert 4 == burst.counter.standing(key).remaining

    limited(Quota, {"requests": 1, "per": "1 year", "burst": {"requests": 5, "per": "1h"}}, steps)


def test_what_another_policy_refuses_counts() -> None:
    """It was let in, as a call that a later policy refuses (ADR 15)."""

    async def steps(built: Any, context: FakeContext) -> None:
        exchange, passed = make_exchange(), message()
        await run(built, exchange)
        built.on_message(exchange, passed)
        for callback in passed._refused or ():
            callback(Reject(403))
        assert ". 900808" == await sent(built, exchange, 2)

    limited(RateLimit, {"requests": 2, "per": "1h"}, steps)


def test_the_key_is_the_one_of_the_call_whatever_becomes_of_its_headers() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange, other = (make_exchange(headers={"X-Tenant": name}) for name in ("a", "b"))
        await run(built, exchange)
        await run(built, other)
        exchange.request.headers.remove("X-Tenant")
        assert ".. 900808" == await sent(built, exchange, 3)
        assert ".. 900808" == await sent(built, other, 3)

    limited(RateLimit, {"requests": 2, "per": "1h", "key": "request.headers['x-tenant']"}, steps)


def test_the_group_of_the_call_counts_its_messages() -> None:
    groups = [{"when": "request.headers['x-trial'] == 'yes'", "requests": 1, "per": "1h"}]

    async def steps(built: Any, context: FakeContext) -> None:
        trial, paid = make_exchange(headers={"X-Trial": "yes"}), make_exchange()
        await run(built, trial)
        await run(built, paid)
        assert ". 900808" == await sent(built, trial, 2)
        assert "..." == await sent(built, paid, 3)

    limited(RateLimit, {"requests": 3, "per": "1h", "groups": groups}, steps)


def test_beyond_a_limit_that_does_not_stop_messages_pass_and_are_counted() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        await run(built, exchange)
        assert "..." == await sent(built, exchange, 3)
        assert 200 == (await run(built, make_exchange())).status
        assert 3 == context.metrics.counters["apim_limit_over_quota_total", context.place], "two messages and a call"

    limited(RateLimit, {"requests": 1, "per": "1h", "stop_on_quota": False}, steps)


def test_whoever_comes_near_the_limit_is_warned_of_in_the_log() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        await run(built, exchange)
        await sent(built, exchange, 7)
        assert [] == context.log.lines
        await sent(built, exchange, 2)
        assert ["a limit is nearly reached"] == [line.event for line in context.log.lines]

    limited(RateLimit, {"requests": 10, "per": "1h", "warn_at": 0.8}, steps)


def test_headers_of_the_answer_tell_of_events() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        response = (await run(built, make_exchange())).response
        assert response is not None
        assert '"api";q=2;qu="events";w=3600' == response.headers["RateLimit-Policy"]
        assert '"api";r=2;t=0' == response.headers["RateLimit"], "the call itself has taken nothing"

    limited(RateLimit, {"requests": 2, "per": "1h", "headers": ["ratelimit"]}, steps)


@pytest.mark.parametrize("mode", ["exact", "lease", "hybrid", "async"])
def test_every_mode_of_counting_counts_events(mode: str) -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        assert 200 == (await run(built, exchange)).status
        assert "." * 20 + " 900808" == await sent(built, exchange, 21)
        assert 429 == (await run(built, make_exchange())).status

    store = FakeCounterStore()
    limited(RateLimit, {"requests": 20, "per": "1h", "mode": mode}, steps, counter_stores={"default": store})


def test_a_store_that_is_away_refuses_messages_where_it_is_to() -> None:
    async def steps(built: Any, context: FakeContext) -> None:
        exchange = make_exchange()
        await run(built, exchange)
        assert "." == await sent(built, exchange, 1)
        store.away = True
        assert " 503" == await sent(built, exchange, 1)

    store = FakeCounterStore()
    settings = {"requests": 20, "per": "1h", "mode": "exact", "on_store_error": "closed"}
    limited(RateLimit, settings, steps, counter_stores={"default": store})


@pytest.mark.parametrize("policy", [RateLimit, Quota])
def test_events_have_no_cost_of_their_own(policy: type[Policy]) -> None:
    with pytest.raises(Exception, match="`cost` is of a request"):
        build(policy, {"requests": 2, "per": "1h" if policy is RateLimit else "1d", "unit": "events", "cost": "2"})


@pytest.mark.parametrize("unit", ["requests", None])
def test_a_limit_of_requests_sees_no_message(unit: str | None) -> None:
    settings = {"requests": 2, "per": "1h"} | ({} if unit is None else {"unit": unit})

    assert not build(RateLimit, settings).sees_messages  # type: ignore[attr-defined]
