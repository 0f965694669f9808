"""Mode exact: every decision is a question to the store."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Grant, Limit
from apim_sdk.counting import NEVER
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter
from support.modes import counting, take


def test_each_call_asks_the_store() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert [0.0, 0.0, 20.0] == [await take(counter) for _ in range(3)]
        assert 3 == store.asked["grant"]

    counting(Limit(3, 60.0, burst=2), steps, mode="exact")


def test_callers_ask_at_the_same_time() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        begun = context.clock.monotonic()
        decisions = await asyncio.gather(*(take(counter) for _ in range(10)))

        assert 7 == sum(not wait for wait in decisions)
        assert 0.01 == pytest.approx(context.clock.monotonic() - begun)

    counting(Limit(7, 60.0), steps, latency=0.01, mode="exact")


def test_it_knows_how_a_key_stood_when_it_last_asked() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert Grant(0, 0.0, 10, 0.0) == counter.standing("a")
        await take(counter, cost=4)
        assert Grant(0, 0.0, 6, 60.0) == counter.standing("a")
        await asyncio.sleep(61.0)
        assert Grant(0, 0.0, 10, 0.0) == counter.standing("a")

    counting(Limit(10, 60.0, "fixed-window"), steps, mode="exact")


def test_what_costs_more_than_the_limit_is_refused_without_a_question() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert NEVER == counter.take("a", 11)
        assert 0 == store.asked["grant"]

    counting(Limit(10, 60.0), steps, mode="exact")


def test_what_is_settled_counts_at_the_store() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        for units in (9, -3):
            pending = counter.settle("a", units)
            assert pending is not None
            await pending
        assert 4 == counter.standing("a").remaining

    counting(Limit(10, 60.0, "fixed-window"), steps, mode="exact")


def test_a_key_that_is_reset_is_as_good_as_new() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter, cost=10)
        pending = counter.reset("a")
        assert pending is not None
        await pending
        assert 10 == counter.standing("a").remaining
        assert 0.0 == await take(counter, cost=10)

    counting(Limit(10, 60.0), steps, mode="exact")
