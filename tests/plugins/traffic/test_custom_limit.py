"""A key out of a template, a cost that is known before or after."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from apim_sdk import Exchange, errors
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, build, make_exchange, run, started
from apim_traffic.custom_limit import CustomLimit
from apim_traffic.rate_limit import RateLimit
from support import limits as support_limits
from support.limits import Try, reset

limited = partial(support_limits.limited, CustomLimit)
statuses = partial(support_limits.statuses, CustomLimit)
TOKENS = {
    "key": "{{ request.headers['x-tenant'] }}",
    "units": 1000,
    "per": "1h",
    "cost": "100",
    "settle": "int(response.headers['x-tokens'])",
}


def call(tenant: str = "a") -> Exchange:
    return make_exchange(headers={"X-Tenant": tenant})


def remaining(policy: Any, key: str = "a") -> int:
    (rule,) = policy._rules.values()
    return int(rule.counter.standing(key).remaining)


def test_each_value_of_the_template_counts_apart() -> None:
    settings = {"key": "{{ request.method }}:{{ request.headers['x-tenant'] }}", "units": 1, "per": "1m"}

    assert [200, 200, 429] == statuses(settings, call("a"), call("b"), call("a"))


def test_a_refusal_has_the_code_of_custom_rules() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        fault = [await attempt(call()) for _ in range(2)][1].fault
        assert fault is not None
        assert errors.CUSTOM_LIMIT_EXCEEDED == fault.kind
        assert '"custom";q=1;qu="units";w=60' == fault.headers["RateLimit-Policy"]

    limited({"key": "all", "units": 1, "per": "1m"}, steps)


@pytest.mark.parametrize(("used", "left"), [("30", 970), ("400", 600), ("1200", 0), ("0", 1000)])
def test_what_was_guessed_is_put_right_when_the_answer_leaves(used: str, left: int) -> None:
    async def body() -> None:
        policy = build(CustomLimit, TOKENS)
        async with started(policy):
            endpoint = FakeEndpoint(Answer(200, {"X-Tokens": used}))
            await run(policy, call(), endpoint=endpoint)
            assert left == remaining(policy)

    asyncio.run(body())


def test_what_was_guessed_stays_where_nobody_can_tell_what_it_was() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        response = (await attempt(call())).response
        assert response is not None
        assert "900" == response.headers["X-RateLimit-Remaining"]
        assert 1 == context.metrics.counters["apim_limit_unsettled_total", context.place]

    limited({**TOKENS, "headers": ["x-ratelimit"]}, steps)


def test_a_cost_of_nothing_beforehand_is_settled_all_the_same() -> None:
    async def body() -> list[int]:
        policy = build(CustomLimit, {**TOKENS, "cost": "0"})
        async with started(policy):
            endpoint = FakeEndpoint(Answer(200, {"X-Tokens": "600"}))
            seen = [(await run(policy, call(), endpoint=endpoint)).status for _ in range(4)]
            assert 0 == remaining(policy)
            return seen

    assert [200, 200, 429, 429] == asyncio.run(body())


def test_what_was_guessed_stays_where_the_client_went_away_before_the_answer() -> None:
    async def body() -> None:
        policy = build(CustomLimit, {**TOKENS, "settle": "response.status == 200 ? 300 : 0"})
        context = FakeContext()
        async with started(policy, context):
            exchange = call()
            policy.on_request(exchange)
            for after in exchange._afters:
                after(exchange)
            assert 900 == remaining(policy)
            assert 1 == context.metrics.counters["apim_limit_unsettled_total", context.place]

    asyncio.run(body())


def test_what_was_guessed_is_put_right_where_the_backend_failed() -> None:
    async def body() -> None:
        policy = build(CustomLimit, {**TOKENS, "settle": "response.status >= 500 ? 0 : 300"})
        async with started(policy):
            assert 502 == (await run(policy, call(), endpoint=FakeEndpoint(Answer(502)))).status
            assert 1000 == remaining(policy)

    asyncio.run(body())


def test_clients_are_warned_by_what_calls_came_to() -> None:
    async def body() -> list[str | None]:
        policy = build(CustomLimit, {**TOKENS, "warn_at": 0.5})
        async with started(policy):
            endpoint = FakeEndpoint(Answer(200, {"X-Tokens": "300"}))
            answers = [(await run(policy, call(), endpoint=endpoint)).response for _ in range(3)]
            return [answer and answer.headers.get("X-RateLimit-Warning") for answer in answers]

    assert [None, "custom", "custom"] == asyncio.run(body())


def test_what_was_guessed_is_reserved_meanwhile() -> None:
    async def body() -> None:
        policy = build(CustomLimit, TOKENS)
        async with started(policy):
            policy.on_request(call())
            assert 900 == remaining(policy)

    asyncio.run(body())


def test_what_another_limit_refuses_is_given_back() -> None:
    async def body() -> None:
        policy = build(CustomLimit, TOKENS)
        rate = build(RateLimit, {"requests": 1, "per": "1h", "key": "api"})
        async with started(policy, FakeContext(place="a")), started(rate, FakeContext(place="b")):
            await run(rate, call())
            exchange = call()
            policy.on_request(exchange)
            assert 429 == (await run(rate, exchange)).status
            assert 1000 == remaining(policy)

    asyncio.run(body())


def test_a_cost_may_come_from_a_variable_of_an_earlier_policy() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen = []
        for complexity in (60, 50, 40):
            exchange = call()
            exchange.variables["complexity"] = complexity
            seen.append((await attempt(exchange)).status)
        assert [200, 429, 200] == seen

    limited({"key": "all", "units": 100, "per": "1h", "cost": "variables.complexity"}, steps)


def test_a_key_is_reset_by_its_value() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(call())
        assert not await reset(context, {"application": "a"})
        assert await reset(context, {"value": "a"})
        assert 200 == (await attempt(call())).status

    limited({"key": "{{ request.headers['x-tenant'] }}", "units": 1, "per": "1m"}, steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settle": "size(response.body)"}, "`settle` sees no body"),
        ({"key": "{{ nobody }}"}, "nobody"),
        ({"units": 0}, "units"),
        ({"burst": 5, "algorithm": "sliding-window"}, "only gcra has a burst"),
    ],
)
def test_settings_that_make_no_limit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(CustomLimit, {**TOKENS, **change})
