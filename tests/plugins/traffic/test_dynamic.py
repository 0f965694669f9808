"""A limit that an expression says for each call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_sdk import EvaluationError, Exchange, Policy, errors
from apim_sdk.counting import ALGORITHMS
from apim_sdk.testing import FakeContext, FakeCounterStore, build, make_exchange, run, started
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.counter import MOST_LIMITS
from apim_traffic.modes import MODES
from apim_traffic.quota import Quota
from apim_traffic.rate_limit import RateLimit
from apim_traffic.spike_arrest import SpikeArrest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.limits import Try, limited, reset

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)
modes = pytest.mark.parametrize("mode", list(MODES))
BY_VARIABLE = {"key": "api", "requests": 5, "per": "1h", "dynamic_requests": "variables.limit"}


def call(limit: Any = None, **more: Any) -> Exchange:
    return make_exchange(variables={} if limit is None else {"limit": limit}, **more)


def answered(policy: type[Policy], options: dict[str, Any], *said: Any) -> list[int]:
    """The statuses of calls whose limits are these."""
    seen: list[int] = []

    async def steps(attempt: Try, context: FakeContext) -> None:
        seen.extend([(await attempt(call(limit))).status for limit in said])

    limited(policy, options, steps)
    return seen


@algorithms
def test_each_call_is_judged_by_its_limit_and_all_count_together(algorithm: str) -> None:
    said = [2, 2, 2, 5, 5, 5, 5, 2, 6]

    assert [200, 200, 429, 200, 200, 200, 429, 429, 200] == answered(
        RateLimit, {**BY_VARIABLE, "algorithm": algorithm}, *said
    )


def test_a_quota_has_it_too() -> None:
    options = {**BY_VARIABLE, "per": "1 month"}

    assert [200, 200, 429, 200, 429] == answered(Quota, options, 2, 2, 2, 3, 3)


def test_a_spike_arrest_lets_its_part_of_it_come_at_once() -> None:
    options = {**BY_VARIABLE, "per": "1s", "requests": 10}  # a tenth of a second: one of 10, two of 20

    assert [200, 429, 200, 429, 429] == answered(SpikeArrest, options, 10, 10, 20, 20, 10)


@pytest.mark.parametrize("said", [0, -3, 0.9, -0.1])
def test_with_less_than_one_no_call_passes(said: float) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        outcome = await attempt(call(said))
        assert outcome.fault is not None
        assert (errors.API_LIMIT_EXCEEDED, "Your limit is 0 requests in 1h, so none passes") == (
            outcome.fault.kind,
            outcome.fault.description,
        )
        assert {
            "RateLimit-Policy": '"api";q=0',
            "RateLimit": '"api";r=0;t=0',
            "X-RateLimit-Limit": "0",
        }.items() <= dict(outcome.fault.headers).items()
        assert "Retry-After" not in outcome.fault.headers
        assert 200 == (await attempt(call(1))).status

    limited(RateLimit, {**BY_VARIABLE, "headers": ["x-ratelimit"]}, steps)


def test_what_is_not_to_stop_is_marked_at_a_limit_of_zero() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        outcome = await attempt(call(0))
        assert (200, "api") == (outcome.status, outcome.exchange.variables["over_quota"])

    limited(RateLimit, {**BY_VARIABLE, "stop_on_quota": False}, steps)


def test_a_limit_of_zero_leaves_what_others_tell() -> None:
    async def body() -> str | None:
        soft = build(RateLimit, {**BY_VARIABLE, "stop_on_quota": False, "headers": ["ratelimit"]})
        other = build(RateLimit, {"key": "api", "requests": 9, "per": "1h", "name": "other", "headers": ["ratelimit"]})
        exchange = call(0)
        async with started(soft, FakeContext(place="soft")), started(other, FakeContext(place="other")):
            soft.on_request(exchange)
            response = (await run(other, exchange)).response
        assert response is not None
        return response.headers.get("RateLimit-Policy")

    assert '"other";q=9;w=3600, "api";q=0' == asyncio.run(body())


NO_LIMITS = [None, "many", "7", True, [5], float("nan"), float("inf"), 2**60]


@pytest.mark.parametrize("said", NO_LIMITS)
def test_without_an_answer_the_limit_of_requests_holds(said: Any) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        assert [200] * 5 + [429] * 2 == [(await attempt(call(said))).status for _ in range(7)]
        assert 7 == context.metrics.counters["apim_limit_undetermined_total", context.place]

    limited(RateLimit, BY_VARIABLE, steps)


@pytest.mark.parametrize("said", NO_LIMITS)
def test_or_it_is_refused(said: Any) -> None:
    assert [429, 200] == answered(RateLimit, {**BY_VARIABLE, "on_dynamic_error": "refuse"}, said, 1)


@pytest.mark.parametrize("said", NO_LIMITS)
def test_or_it_fails(said: Any) -> None:
    async def scenario() -> None:
        policy = build("rate-limit", {**BY_VARIABLE, "on_dynamic_error": "fail"})
        async with started(policy, FakeContext()):
            with pytest.raises(EvaluationError, match=r"variables\.limit"):
                await run(policy, call(said))

    asyncio.run(scenario())


def test_a_sliding_log_has_no_limit_that_it_cannot_remember() -> None:
    options = {**BY_VARIABLE, "algorithm": "sliding-log", "on_dynamic_error": "refuse"}

    assert [200, 429] == answered(RateLimit, options, 100_000, 100_001)


def test_clients_are_told_the_limit_of_their_call() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        first, second = [(await attempt(call(limit))).exchange.response for limit in (4, 9)]
        assert first is not None
        assert second is not None
        assert ['"api";q=4;w=3600', '"api";q=9;w=3600'] == [
            each.headers["RateLimit-Policy"] for each in (first, second)
        ]
        assert ['"api";r=3;t=900', '"api";r=7;t=800'] == [each.headers["RateLimit"] for each in (first, second)]

    limited(RateLimit, {**BY_VARIABLE, "headers": ["ratelimit"]}, steps)


def test_a_burst_stays_what_it_is() -> None:
    assert [200, 200, 429] == answered(RateLimit, {**BY_VARIABLE, "burst": 2}, 100, 100, 100)


def test_groups_keep_their_own() -> None:
    groups = [{"when": "request.method == 'POST'", "requests": 1, "per": "1h"}]

    async def steps(attempt: Try, context: FakeContext) -> None:
        assert [200, 429] == [(await attempt(call(9, line="POST /"))).status for _ in range(2)]
        assert [200] * 9 + [429] == [(await attempt(call(9))).status for _ in range(10)]

    limited(RateLimit, {**BY_VARIABLE, "groups": groups}, steps)


def test_what_another_limit_refuses_is_given_back() -> None:
    async def scenario() -> list[int]:
        policy, context = build("rate-limit", BY_VARIABLE), FakeContext()
        async with started(policy, context):
            for _ in range(20):
                exchange = call(2)
                policy.on_request(exchange)
                exchange.faulted(errors.Reject(errors.APPLICATION_LIMIT_EXCEEDED, "elsewhere"))
                while exchange._afters:
                    exchange._afters.pop()(exchange)
            return [(await run(policy, call(2))).status for _ in range(3)]

    assert [200, 200, 429] == asyncio.run(scenario())


def test_more_limits_than_are_kept_at_hand_still_count_together() -> None:
    numbers = [1000 + number for number in range(2 * MOST_LIMITS)]

    assert [200] * len(numbers) + [429, 200] == answered(
        RateLimit, BY_VARIABLE, *numbers, len(numbers), len(numbers) + 1
    )


@pytest.mark.parametrize("stores", [False, True])
def test_a_reset_makes_the_key_as_good_as_new_under_every_limit(stores: bool) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        for limit in (2, 2, 4, 4):
            await attempt(call(limit))
        assert [429, 429] == [(await attempt(call(limit))).status for limit in (2, 4)]
        assert await reset(context, {"api": "test", "version": "1.0"})
        assert [200, 200, 429] == [(await attempt(call(2))).status for _ in range(3)]

    options = {"counter_stores": {"default": FakeCounterStore()}} if stores else {}
    limited(RateLimit, {**BY_VARIABLE, "mode": "exact"}, steps, **options)


def test_counts_go_on_over_a_reload_that_changes_the_static_limit() -> None:
    async def scenario() -> list[int]:
        context = FakeContext()
        before, after = build("rate-limit", BY_VARIABLE), build("rate-limit", {**BY_VARIABLE, "requests": 50})
        async with started(before, context):
            await run(before, call(2))
            await after.start(context)
            return [(await run(after, call(2))).status for _ in range(2)]

    assert [200, 429] == asyncio.run(scenario())


# Several processes


def over_a_store(mode: str, options: dict[str, Any], said: list[tuple[float, Any]]) -> list[int]:
    """The statuses of calls, each after a pause, through a process that counts with a store."""

    async def body() -> list[int]:
        clock = LoopClock()
        stores = {"default": FakeCounterStore(clock, latency=0.004)}
        context = FakeContext(clock=clock, counter_stores=stores)  # type: ignore[arg-type]
        policy = build("rate-limit", {"mode": mode, **options})
        seen = []
        async with started(policy, context):
            for pause, limit in said:
                await asyncio.sleep(pause)
                seen.append((await run(policy, call(limit))).status)
        await context.close()
        return seen

    return run_in_virtual_time(body())


@modes
@given(
    algorithm=st.sampled_from(ALGORITHMS),
    units=st.integers(1, 30),
    pauses=st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.4, 3.0]), max_size=60),
)
@settings(max_examples=30, deadline=None)
def test_a_limit_that_is_always_the_same_decides_as_the_static_one(
    mode: str, algorithm: str, units: int, pauses: list[float]
) -> None:
    static = {"key": "api", "requests": units, "per": "2s", "algorithm": algorithm}
    dynamic = {**static, "requests": 999, "dynamic_requests": "variables.limit"}
    said = [(pause, units) for pause in pauses]

    assert over_a_store(mode, static, said) == over_a_store(mode, dynamic, said)


@modes
@algorithms
def test_calls_of_all_limits_count_together_at_the_store(mode: str, algorithm: str) -> None:
    options = {**BY_VARIABLE, "algorithm": algorithm, "sync_interval": "50ms"}
    said = [(0.2, limit) for limit in (2, 2, 2, 5, 5, 5, 5, 2, 6)]

    assert [200, 200, 429, 200, 200, 200, 429, 429, 200] == over_a_store(mode, options, said)


@modes
def test_while_the_store_is_away_all_limits_count_in_one_table(mode: str) -> None:
    async def body() -> list[int]:
        clock = LoopClock()
        store = FakeCounterStore(clock, members=2)
        context = FakeContext(clock=clock, counter_stores={"default": store})  # type: ignore[arg-type]
        policy = build("rate-limit", {**BY_VARIABLE, "mode": mode})
        async with started(policy, context):
            store.away = True
            await asyncio.sleep(6.0)
            seen = [(await run(policy, call(limit))).status for limit in (4, 4, 4, 8, 8, 8, 4)]
        await context.close()
        return seen

    assert [200, 200, 429, 200, 200, 429, 429] == run_in_virtual_time(body())
