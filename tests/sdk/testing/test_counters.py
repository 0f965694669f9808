"""The fake counter store counts as the tables do, and fails as it is told."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Grant, Limit
from apim_sdk.testing import FakeClock, FakeCounterStore
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time

LIMIT = Limit(10, 60.0, "fixed-window")


def test_it_counts_by_its_clock() -> None:
    async def scenario() -> None:
        clock = FakeClock()
        counter = FakeCounterStore(clock).counter("x", LIMIT)
        assert Grant(4, 0.0, 6, 60.0) == await counter.grant("a", 1, 4)
        assert Grant(0, 0.0, 8, 60.0) == await counter.settle("a", -2)
        await counter.reset("a")
        assert 10 == (await counter.settle("a", 0)).remaining

    asyncio.run(scenario())


def test_counters_of_one_name_are_the_same() -> None:
    async def scenario() -> None:
        store = FakeCounterStore()
        await store.counter("x", LIMIT).grant("a", 1, 4)
        assert 6 == (await store.counter("x", LIMIT).settle("a", 0)).remaining
        assert 10 == (await store.counter("y", LIMIT).settle("a", 0)).remaining
        store.lose()
        assert 10 == (await store.counter("x", LIMIT).settle("a", 0)).remaining

    asyncio.run(scenario())


def test_a_question_takes_as_long_as_it_is_told() -> None:
    async def scenario() -> None:
        clock = LoopClock()
        store = FakeCounterStore(clock, latency=0.5, members=3)
        assert 3 == await store.members()
        assert 0.5 == clock.monotonic()

    run_in_virtual_time(scenario())


def test_away_and_silent_it_does_not_answer() -> None:
    async def scenario() -> None:
        store = FakeCounterStore()
        counter = store.counter("x", LIMIT)
        store.away = True
        with pytest.raises(ConnectionError):
            await counter.grant("a", 1, 1)
        store.away, store.silent = False, True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(counter.grant("a", 1, 1), 0.01)
        assert 9 == store.table("x", LIMIT).standing("a").remaining
        assert 2 == store.asked["grant"]

    asyncio.run(scenario())


def test_a_key_that_stores_do_not_take_is_the_plugins_mistake() -> None:
    counter = FakeCounterStore().counter("x", LIMIT)

    with pytest.raises(ValueError, match="at most 512"):
        counter.grant("k" * 513, 1, 1)
    with pytest.raises(TypeError, match="it is a text"):
        counter.grant(("a", "b"), 1, 1)  # type: ignore[arg-type]
