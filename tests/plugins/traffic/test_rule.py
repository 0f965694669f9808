"""Rules together: what any of them refuses counts at none, wherever they count."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from apim_sdk import Application, Exchange, Fault, Policy, errors
from apim_sdk.counting import ALGORITHMS
from apim_sdk.testing import (
    Answer,
    FakeContext,
    FakeCounterStore,
    FakeEndpoint,
    build,
    make_exchange,
    make_response,
    run,
)
from apim_traffic.bandwidth_limit import BandwidthLimit
from apim_traffic.custom_limit import CustomLimit
from apim_traffic.quota import Quota
from apim_traffic.rate_limit import RateLimit
from hypothesis import given, settings
from hypothesis import strategies as st

PLACES = ("first", "second", "third")


def call(**variables: Any) -> Exchange:
    exchange = make_exchange(application=Application("shop", "a1"))
    exchange.variables.update(variables)
    return exchange


async def through(exchange: Exchange, *policies: Any) -> int:
    """The status of a call that goes through several policies, as the pipeline takes it."""
    try:
        for policy in policies:
            pending = policy.on_request(exchange)
            if pending is not None:
                await pending
        exchange.response = make_response(200)
    except Fault as fault:
        exchange.faulted(fault)
        exchange.response = make_response(fault.status)
    while exchange._afters:
        pending = exchange._afters.pop()(exchange)
        if pending is not None:
            await pending
    while exchange._deferred:
        exchange._deferred.pop()()
    return exchange.response.status


@contextlib.asynccontextmanager
async def all_started(*policies: Policy, **options: Any) -> AsyncIterator[FakeContext]:
    """The policies, each at a place of its own, with one clock and one counter store."""
    contexts = [FakeContext(place=place, **options) for place, _ in zip(PLACES, policies, strict=False)]
    for context, policy in zip(contexts, policies, strict=True):
        context.clock = contexts[0].clock
        await policy.start(context)
    try:
        yield contexts[0]
    finally:
        for context in contexts:
            await context.close()


def used(policy: Any, units: int, key: str = "a1") -> int:
    (rule,) = policy._rules.values()
    return units - int(rule.counter.standing(key).remaining)


limits = st.tuples(st.integers(1, 12), st.sampled_from(ALGORITHMS))
costs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=40)


@given(first=limits, second=limits, sequence=costs)
@settings(max_examples=150, deadline=None)
def test_at_every_limit_counts_what_passed_all_of_them(
    first: Any, second: Any, sequence: list[tuple[int, int]]
) -> None:
    async def body() -> None:
        policies = [
            build(
                RateLimit,
                {"requests": units, "per": "1h", "algorithm": way, "key": "application", "cost": f"variables.{name}"},
            )
            for name, (units, way) in (("a", first), ("b", second))
        ]
        async with all_started(*policies):
            passed = [(a, b) for a, b in sequence if await through(call(a=a, b=b), *policies) == 200]
            assert [sum(a for a, _ in passed), sum(b for _, b in passed)] == [
                used(policy, units) for policy, (units, _) in zip(policies, (first, second), strict=True)
            ]

    asyncio.run(body())


def test_a_limit_that_counts_refused_calls_keeps_what_it_took() -> None:
    async def body() -> None:
        first = build(RateLimit, {"requests": 10, "per": "1h", "key": "application", "count_refused": True})
        second = build(RateLimit, {"requests": 1, "per": "1h", "key": "application"})
        async with all_started(first, second):
            assert [200, 429, 429] == [await through(call(), first, second) for _ in range(3)]
            assert 3 == used(first, 10)

    asyncio.run(body())


@pytest.mark.parametrize("fault", [errors.DENIED, errors.LIMIT_UNDECIDED, errors.BACKEND_LIMIT_EXCEEDED])
def test_what_is_denied_or_undecided_counts_nowhere_either(fault: errors.ErrorKind) -> None:
    async def body() -> None:
        policy = build(RateLimit, {"requests": 10, "per": "1h", "key": "application"})
        async with all_started(policy):
            await run(policy, call(), endpoint=FakeEndpoint(Answer(fault=Fault(fault))))
            assert 0 == used(policy, 10)

    asyncio.run(body())


@pytest.mark.parametrize("fault", [errors.ENDPOINT_TIMEOUT, errors.BAD_REQUEST])
def test_a_call_that_fails_for_another_reason_counts(fault: errors.ErrorKind) -> None:
    async def body() -> None:
        policy = build(RateLimit, {"requests": 10, "per": "1h", "key": "application"})
        async with all_started(policy):
            await run(policy, call(), endpoint=FakeEndpoint(Answer(fault=Fault(fault))))
            assert 1 == used(policy, 10)

    asyncio.run(body())


def test_limits_at_a_store_refuse_give_back_and_settle_too() -> None:
    async def body() -> None:
        exact = {"key": "application", "mode": "exact", "per": "1h"}
        burst = {"requests": 3, "per": "1h", "algorithm": "fixed-window"}
        quota = build(Quota, {**exact, "requests": 5, "window": "first-call", "burst": burst})
        size = build(BandwidthLimit, {**exact, "bytes": 100, "of": "response"})
        tokens = build(
            CustomLimit,
            {"key": "all", "units": 100, "per": "1h", "mode": "exact", "cost": "10", "settle": "variables.tokens"},
        )
        store = FakeCounterStore()
        async with all_started(quota, size, tokens, counter_stores={"default": store}) as context:
            seen = []
            for tokens_used in (20, 70, 5, 5):
                exchange = call(tokens=tokens_used)
                exchange.bytes_sent = 10
                seen.append(await through(exchange, quota, size, tokens))
                await asyncio.sleep(0)  # what is settled in the background
            assert [200, 200, 200, 429] == seen
            assert (95, 30) == (used(tokens, 100, "all"), used(size, 100))
            (handler,) = context.offered["reset-limit"]
            assert await handler({"key": {"application": "a1"}})
            exchange = call(tokens=5)
            assert 429 == await through(exchange, quota, size, tokens)  # of tokens there are five left, not ten
            assert "900806" == (exchange.fault and exchange.fault.kind.code)
            assert [5, 3] == [rule.counter.standing("a1").remaining for rule in quota._rules.values()]

    asyncio.run(body())
