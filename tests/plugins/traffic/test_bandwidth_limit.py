"""Bytes that may go through: reserved beforehand, and put right when the exchange is over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Application, Policy, errors
from apim_sdk.testing import FakeContext, Outcome, build, make_exchange, run, started
from apim_traffic.bandwidth_limit import BandwidthLimit
from apim_traffic.rate_limit import RateLimit
from support.gateway import Answer, api, serving
from support.gateway import run as on_uvloop

KIB = b"x" * 1024


def standing(policy: Any, key: str = "a1") -> int:
    (rule,) = policy._rules.values()
    return int(rule.counter.standing(key).remaining)


async def through(policy: Policy, received: int = 0, sent: int = 0, declared: bytes = b"") -> Outcome:
    exchange = make_exchange("POST /", application=Application("shop", "a1"), body=declared)
    exchange.bytes_received, exchange.bytes_sent = received, sent
    return await run(policy, exchange)


@pytest.mark.parametrize(("of", "left"), [("request", 990), ("response", 900), ("both", 890)])
def test_what_went_through_counts_when_the_exchange_is_over(of: str, left: int) -> None:
    async def body() -> None:
        policy = build(BandwidthLimit, {"bytes": 1000, "per": "1h", "key": "application", "of": of})
        async with started(policy):
            await through(policy, received=10, sent=100)
            assert left == standing(policy)

    asyncio.run(body())


def test_what_a_request_is_said_to_have_counts_at_once() -> None:
    async def body() -> None:
        policy = build(BandwidthLimit, {"bytes": 4096, "per": "1h", "key": "application", "of": "request"})
        async with started(policy):
            exchange = make_exchange("POST /", application=Application("shop", "a1"), body=KIB)
            policy.on_request(exchange)
            assert 3072 == standing(policy)

    asyncio.run(body())


def test_a_call_that_is_larger_than_what_is_left_leaves_a_debt() -> None:
    async def body() -> None:
        context = FakeContext()
        policy = build(BandwidthLimit, {"bytes": 1000, "per": "1m", "key": "application"})
        async with started(policy, context):
            assert 200 == (await through(policy, received=4000)).status
            refused = (await through(policy)).fault
            assert refused is not None
            assert errors.APPLICATION_LIMIT_EXCEEDED == refused.kind
            assert "181" == refused.headers["Retry-After"]
            context.clock.advance(180)
            assert 429 == (await through(policy)).status
            context.clock.advance(1)
            assert 200 == (await through(policy)).status

    asyncio.run(body())


def test_clients_are_warned_of_bytes_too() -> None:
    async def body() -> list[str | None]:
        context = FakeContext()
        policy = build(BandwidthLimit, {"bytes": 4096, "per": "1h", "key": "application", "warn_at": 0.5})
        async with started(policy, context):
            answers = [(await through(policy, received=1024, declared=KIB)).response for _ in range(3)]
            assert 1 == context.metrics.counters["apim_limit_warnings_total", context.place]
            return [answer and answer.headers.get("X-RateLimit-Warning") for answer in answers]

    assert [None, "application-bandwidth", "application-bandwidth"] == asyncio.run(body())


def test_a_debt_is_forgotten_with_a_fixed_window() -> None:
    async def body() -> None:
        context = FakeContext()
        settings = {"bytes": 1000, "per": "1m", "key": "application", "algorithm": "fixed-window"}
        policy = build(BandwidthLimit, settings)
        async with started(policy, context):
            await through(policy, received=4000)
            assert 429 == (await through(policy)).status
            context.clock.advance(60)
            assert 200 == (await through(policy)).status

    asyncio.run(body())


def test_a_call_needs_as_much_left_as_it_reserves() -> None:
    async def body() -> None:
        policy = build(BandwidthLimit, {"bytes": 1000, "per": "1h", "key": "application", "reserve": 600})
        async with started(policy):
            assert 200 == (await through(policy, received=500)).status
            assert 500 == standing(policy)
            assert 429 == (await through(policy)).status

    asyncio.run(body())


def test_what_another_limit_refuses_uses_up_nothing() -> None:
    async def body() -> None:
        policy = build(BandwidthLimit, {"bytes": 1000, "per": "1h", "key": "application", "reserve": 10})
        rate = build(RateLimit, {"requests": 1, "per": "1h", "key": "application"})
        async with started(policy, FakeContext(place="a")), started(rate, FakeContext(place="b")):
            for _ in range(2):
                exchange = make_exchange("POST /", application=Application("shop", "a1"), body=KIB[:100])
                policy.on_request(exchange)
                exchange.bytes_received = 100
                await run(rate, exchange)
            assert 900 == standing(policy)

    asyncio.run(body())


def test_beyond_a_limit_that_does_not_stop_bytes_go_on_counting() -> None:
    async def body() -> None:
        settings = {"bytes": 1000, "per": "1h", "key": "application", "stop_on_quota": False}
        policy = build(BandwidthLimit, settings)
        context = FakeContext()
        async with started(policy, context):
            seen = [(await through(policy, sent=1000)).exchange.variables.get("over_quota") for _ in range(2)]
            assert [None, "application-bandwidth"] == seen
            context.clock.advance(3599)
            assert "application-bandwidth" == (await through(policy)).exchange.variables["over_quota"]

    asyncio.run(body())


def test_a_reserve_that_is_never_there_is_refused() -> None:
    with pytest.raises(Exception, match="more than the limit of 10B ever gives"):
        build(BandwidthLimit, {"bytes": 10, "per": "1s", "reserve": 11})


LIMIT = "{request: [{bandwidth-limit: {bytes: %s, per: 1h, key: api, of: %s, headers: [x-ratelimit]}}]}"


def test_streams_count_for_what_they_were(tmp_path: Path) -> None:
    async def chunks() -> Any:
        for _ in range(5):
            yield KIB

    async def scenario() -> list[Answer]:
        async with serving(api(flows=LIMIT % ("10KiB", "request")), tmp_path) as served:
            return [await served.call("POST", "/api/items", data=chunks()) for _ in range(3)]

    answers = on_uvloop(scenario())
    assert [(200, "10239"), (200, "5119"), (429, "0")] == [
        (each.status, each.headers["X-RateLimit-Remaining"]) for each in answers
    ]


def test_answers_count_for_what_they_were(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with serving(api(flows=LIMIT % ("1KiB", "response")), tmp_path) as served:
            return [(await served.get("/api/items/1")).headers["X-RateLimit-Remaining"] for _ in range(3)]

    assert ["1023", "1018", "1013"] == on_uvloop(scenario())
