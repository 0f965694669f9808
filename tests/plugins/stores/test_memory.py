"""What only a store in memory does."""

import asyncio
from typing import Any

import pytest
from apim_sdk import Size
from apim_sdk.testing.context import FakeContext, started
from apim_stores.memory import Memory


def test_a_store_that_is_full_refuses_another_value_and_keeps_all_it_has() -> None:
    async def scenario() -> Any:
        async with started(Memory(max_entries=2)) as store:
            await store.put("a", b"1")
            await store.put("b", b"2")
            with pytest.raises(OSError, match="the store is full: 2 values"):
                await store.put("c", b"3")
            await store.put("b", b"other")
            return [await store.get(key) for key in "abc"]

    assert [b"1", b"other", None] == asyncio.run(scenario())


def test_a_store_holds_no_more_bytes_than_it_may() -> None:
    async def scenario() -> int:
        async with started(Memory(max_size=Size("10KiB"))) as store:
            for number in range(100):
                try:
                    await store.put(f"{number}", bytes(1000))
                except OSError:
                    return number
            return 100

    assert 8 == asyncio.run(scenario())


def test_what_is_deleted_or_has_expired_makes_room() -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(Memory(max_entries=2), context) as store:
            await store.put("a", b"1", expires_in=60)
            await store.put("b", b"2")
            await store.delete("b")
            context.clock.advance(60)
            return await store.add("c", b"3"), await store.add("d", b"4")

    assert (True, True) == asyncio.run(scenario())


def test_values_outlast_a_reload_that_changes_the_bounds() -> None:
    async def scenario() -> Any:
        context = FakeContext()
        before, after = Memory(max_entries=5), Memory(max_entries=1)
        await before.start(context)
        await before.put("a", b"1")
        async with started(after, context):
            with pytest.raises(OSError, match="full"):
                await after.put("b", b"2")
            return await after.get("a")

    assert b"1" == asyncio.run(scenario())


def test_two_stores_of_the_same_settings_are_two() -> None:
    async def scenario() -> Any:
        context = FakeContext(place="stores/one")
        one, two = Memory(), Memory()
        await one.start(context)
        context.place = "stores/two"
        async with started(two, context):
            await one.put("a", b"1")
            return await two.get("a")

    assert None is asyncio.run(scenario())


def test_what_often_changes_its_expiry_takes_no_more_memory() -> None:
    async def scenario() -> int:
        async with started(Memory()) as store:
            for number in range(20_000):
                await store.put("a", b"1", expires_in=60 + number)
            return len(store._table._expiries)

    assert 1_000 >= asyncio.run(scenario())


def test_a_follower_that_missed_more_than_the_log_holds_begins_again() -> None:
    async def scenario() -> Any:
        async with started(Memory()) as store:
            follower = store.follow("")
            batches = [await anext(follower)]
            for number in range(10_001):
                await store.put("a", b"%d" % number)
            batches.append(await anext(follower))
            await follower.aclose()
            return [(batch.first, [change.value for change in batch.changes]) for batch in batches]

    assert [(True, []), (True, [b"10000"])] == asyncio.run(scenario())
