"""Mode async: a process decides by itself, and tells the store afterwards."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Limit
from apim_sdk.counting import Table
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter
from support.modes import counting, take

LIMIT = Limit(1000, 3600.0, "fixed-window")


def at_the_store(store: FakeCounterStore, context: FakeContext, limit: Limit = LIMIT) -> Table:
    return store.table(f"{context.place} test", limit)


def test_no_call_waits() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert [0.0] * 1000 == [counter.take("a") for _ in range(1000)]
        assert pytest.approx(3600.0, abs=0.01) == counter.take("a")

    counting(LIMIT, steps, mode="async", latency=0.01)


def test_the_store_is_told_after_the_interval() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter)
        await asyncio.sleep(0.01)
        for _ in range(10):
            await take(counter)
        await asyncio.sleep(0.9)
        assert 999 == at_the_store(store, context).standing("a").remaining
        await asyncio.sleep(0.2)
        assert 989 == at_the_store(store, context).standing("a").remaining

    counting(LIMIT, steps, mode="async")


def test_the_store_is_asked_at_once_of_a_key_that_was_not_used_lately() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        at_the_store(store, context).settle("a", 995)
        await take(counter)
        await asyncio.sleep(0.01)
        assert 4 == counter.standing("a").remaining

    counting(LIMIT, steps, mode="async")


def test_the_store_is_told_sooner_when_a_fair_part_of_what_was_left_is_used() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        for _ in range(250):
            await take(counter)
        await asyncio.sleep(0.01)
        assert 750 == at_the_store(store, context).standing("a").remaining

    counting(LIMIT, steps, mode="async", members=4)


def test_what_others_took_is_known_after_the_interval() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        at_the_store(store, context).settle("a", 995)
        await take(counter)
        await asyncio.sleep(1.1)
        assert 4 == counter.standing("a").remaining
        assert 4 == sum([not await take(counter) for _ in range(20)])

    counting(LIMIT, steps, mode="async")


def test_a_key_of_which_the_store_has_none_left_is_refused_until_it_has() -> None:
    limit = Limit(10, 10.0)

    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        at_the_store(store, context, limit).settle("a", 14)
        await take(counter)
        await asyncio.sleep(0.1)
        assert pytest.approx(5.9, abs=0.2) == counter.take("a")  # five beyond the limit now, and one to come
        await asyncio.sleep(6.0)
        assert [True, False] == [not await take(counter) for _ in range(2)]

    counting(limit, steps, mode="async")


def test_what_is_settled_is_told_with_the_rest() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert counter.settle("a", 20) is None
        assert counter.settle("a", -5) is None
        assert 985 == counter.standing("a").remaining
        await asyncio.sleep(1.1)
        assert 985 == at_the_store(store, context).standing("a").remaining

    counting(LIMIT, steps, mode="async")


def test_what_was_not_told_is_told_when_the_counter_is_closed() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        for _ in range(10):
            await take(counter)
        await context.close()
        assert 990 == at_the_store(store, context).standing("a").remaining

    counting(LIMIT, steps, mode="async")


def test_a_key_that_is_reset_is_as_good_as_new() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter, cost=1000)
        await asyncio.sleep(1.1)
        pending = counter.reset("a")
        assert pending is not None
        await pending
        assert 0.0 == await take(counter, cost=1000)

    counting(LIMIT, steps, mode="async")
