"""Values that are kept between requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_sdk import API, Exchange
from apim_sdk.testing import FakeContext, FakeStore, build, make_exchange, run, started
from apim_traffic.data_cache import DataCache

Step = Callable[..., Awaitable[Exchange]]


def with_steps(scenario: Callable[[Step, FakeContext, FakeStore], Awaitable[Any]]) -> Any:
    """What a scenario answers; it runs steps by their settings, each on an exchange of its own unless given one."""

    async def body() -> Any:
        context = FakeContext()
        store = FakeStore(context.clock.now)
        context.stores = {"main": store}

        async def step(exchange: Exchange | None = None, flow: str = "request", **settings: Any) -> Exchange:
            policy = build(DataCache, {"store": "main", "key": "k", **settings})
            async with started(policy, _Kept(context)):
                outcome = await run(policy, exchange or make_exchange(), flow=flow)
            if outcome.fault is not None:
                raise outcome.fault
            return outcome.exchange

        return await scenario(step, context, store)

    return asyncio.run(body())


class _Kept:
    """A context that outlasts the steps that start with it."""

    def __init__(self, context: FakeContext) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


async def got(step: Step, **settings: Any) -> Any:
    return (await step(**settings)).variables["cached"]


def test_a_value_that_was_set_is_got_until_it_expires_or_is_evicted() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> None:
        assert None is await got(step)
        await step(operation="set", value="{{ request.method }}!", ttl="1m")
        assert "GET!" == await got(step)
        context.clock.advance(60)
        assert None is await got(step)
        await step(operation="set", value="b")
        await step(operation="evict")
        assert None is await got(step)

    with_steps(scenario)


def test_what_was_got_and_whether_there_was_none_are_variables() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> list[dict[str, Any]]:
        names = {"variable": "rate", "miss_variable": "unknown"}
        found = [(await step(**names)).variables.copy()]
        await step(flow="response", operation="set", value="1.1")
        return [*found, (await step(**names)).variables.copy()]

    assert [{"rate": None, "unknown": True}, {"rate": "1.1", "unknown": False}] == with_steps(scenario)


def test_a_key_is_a_template_and_one_never_stands_for_another() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> list[Any]:
        key = "{{ request.path }}"
        await step(make_exchange("GET /a"), operation="set", key=key, value="a")
        long = "/" + "x" * 2000
        await step(make_exchange(f"GET {long}"), operation="set", key=key, value="long")
        return [
            (await step(make_exchange(f"GET {path}"), key=key)).variables["cached"]
            for path in ("/a", "/b", long, f"{long}x")
        ]

    assert ["a", None, "long", None] == with_steps(scenario)


def test_each_api_has_keys_of_its_own_unless_all_are_to_share_them() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> list[Any]:
        found = []
        for shared_by in ("api", "gateway"):
            await step(operation="set", value=shared_by, shared_by=shared_by)
            other = make_exchange(api=API("other", "1.0", "/"))
            found.append((await step(other, shared_by=shared_by)).variables["cached"])
        return found

    assert [None, "gateway"] == with_steps(scenario)


def test_a_store_that_is_away_has_no_value_or_refuses() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> None:
        store.away = True
        await step(operation="set", value="a")
        assert None is await got(step)
        assert 2 == context.metrics.counters["apim_data_cache_store_failures_total", context.place]
        with pytest.raises(Exception, match="store is away") as refused:
            await step(on_store_error="closed")
        assert 503 == refused.value.status  # type: ignore[attr-defined]

    with_steps(scenario)


def test_what_is_too_large_is_not_kept_and_nothing_old_stays_in_its_place() -> None:
    async def scenario(step: Step, context: FakeContext, store: FakeStore) -> None:
        await step(operation="set", value="old")
        await step(operation="set", value="larger", max_value=5)
        assert None is await got(step)
        assert 1 == context.metrics.counters["apim_data_cache_too_large_total", context.place]

    with_steps(scenario)


@pytest.mark.parametrize("settings", [{"operation": "set"}, {"operation": "get", "value": "x"}, {"ttl": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"`value` is what|longer than nothing"):
        build(DataCache, {"store": "main", "key": "k", **settings})
