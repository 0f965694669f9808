"""Mode hybrid: a large share of a window is decided without asking, the last part exactly."""

from __future__ import annotations

import asyncio

from apim_sdk import Limit
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter
from support.modes import counting, take

LIMIT = Limit(1000, 3600.0, "fixed-window")


async def calls(counter: Counter, number: int) -> int:
    """How many of calls that follow each other pass."""
    return sum([not await take(counter) for _ in range(number)])


def test_a_share_is_used_without_asking_and_the_rest_exactly() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 201 == await calls(counter, 201)
        assert 1 == store.asked["grant"]  # for the call itself, and a share of (1000 - 20 %) / 4 = 200
        assert 100 == await calls(counter, 100)
        assert 101 == store.asked["grant"]

    counting(LIMIT, steps, mode="hybrid", members=4)


def test_exactly_the_limit_passes() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 1000 == await calls(counter, 1200)

    counting(LIMIT, steps, mode="hybrid", members=4)


def test_what_is_not_used_within_the_interval_goes_back() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 50 == await calls(counter, 50)
        await asyncio.sleep(1.0)
        await asyncio.sleep(0.5)

        assert 950 == store.table(f"{context.place} test", LIMIT).standing("a").remaining

    counting(LIMIT, steps, mode="hybrid", members=4)


def test_a_share_that_went_back_can_be_taken_again_as_far_as_it_was_not_used() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await calls(counter, 51)
        await asyncio.sleep(1.5)
        store.asked.clear()
        await calls(counter, 151)
        assert 1 == store.asked["grant"]
        await calls(counter, 10)
        assert 11 == store.asked["grant"]

    counting(LIMIT, steps, mode="hybrid", members=4)


def test_the_share_is_new_with_the_window() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await calls(counter, 300)
        await asyncio.sleep(3601.0)
        store.asked.clear()
        await calls(counter, 200)
        assert 1 == store.asked["grant"]

    counting(LIMIT, steps, mode="hybrid", members=4)
