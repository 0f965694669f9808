"""Every store does what the contract says: `apim_sdk.Store`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from apim_sdk import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stores import Space, eventually, following

CLIENTS = 8
ROUNDS = 20


def with_stores(space: Space, scenario: Any, count: int = 1) -> Any:
    """What a scenario answers, given so many stores of the same values."""

    async def run() -> Any:
        async with space.opened(count) as stores:
            return await scenario(*stores)

    return asyncio.run(run())


# Values


def test_a_value_that_was_put_is_there_for_all(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        await one.put("a/1", b"\x00\xff value")
        return await other.get("a/1"), await other.get("a/2")

    assert (b"\x00\xff value", None) == with_stores(space, scenario, 2)


def test_a_value_may_be_empty_and_may_be_large(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("empty", b"")
        await store.put("large", bytes(1_000_000))
        return await store.get("empty"), await store.get("large") == bytes(1_000_000)

    assert (b"", True) == with_stores(space, scenario)


def test_the_last_value_that_was_put_counts(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        await one.put("a", b"1", expires_in=0.001)
        await other.put("a", b"2")
        return await one.get("a")

    assert b"2" == with_stores(space, scenario, 2)


def test_a_value_is_added_only_where_there_is_none(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        return await one.add("a", b"1"), await other.add("a", b"2"), await other.get("a")

    assert (True, False, b"1") == with_stores(space, scenario, 2)


def test_a_value_is_replaced_only_where_it_is_the_one_expected(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a", b"1")
        outcomes = await store.replace("a", b"0", b"2"), await store.replace("a", b"1", b"3")
        return *outcomes, await store.replace("none", b"", b"4"), await store.get("a"), await store.get("none")

    assert (False, True, False, b"3", None) == with_stores(space, scenario)


def test_a_value_can_be_taken_once(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        await one.put("a", b"1")
        return await other.take("a"), await one.take("a"), await one.get("a")

    assert (b"1", None, None) == with_stores(space, scenario, 2)


def test_what_was_deleted_is_gone_and_what_is_not_there_can_be_deleted(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a", b"1")
        await store.delete("a")
        await store.delete("a")
        return await store.get("a"), await store.add("a", b"2")

    assert (None, True) == with_stores(space, scenario)


def test_a_scan_answers_all_that_begins_with_the_prefix(space: Space) -> None:
    keys = ["a", "a/", "a/1", "a/2", "a0", "b/1", "A/1", "a/\U0010ffff", "a/*", "a/%"]

    async def scenario(store: Store) -> Any:
        for key in keys:
            await store.put(key, key.encode())
        return [sorted([pair async for pair in store.scan(prefix)]) for prefix in ("a/", "", "a/*", "c")]

    def expected(prefix: str) -> Any:
        return sorted((key, key.encode()) for key in keys if key.startswith(prefix))

    assert [expected("a/"), expected(""), expected("a/*"), []] == with_stores(space, scenario)


def test_a_scan_of_many_answers_each_once(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await asyncio.gather(*[store.put(f"a/{number}", b"%d" % number) for number in range(1500)])
        return [pair async for pair in store.scan("a/")]

    found = with_stores(space, scenario)
    assert 1500 == len(found)
    assert {f"a/{number}": b"%d" % number for number in range(1500)} == dict(found)


@pytest.mark.parametrize("key", ["", "x" * 513, "\ud800"], ids=["empty", "too long", "not encodable"])
def test_what_is_no_key_is_refused(space: Space, key: str) -> None:
    async def scenario(store: Store) -> None:
        with pytest.raises(ValueError, match=r"key has 1 to 512 characters|surrogates not allowed"):
            await store.put(key, b"1")

    with_stores(space, scenario)


def test_the_longest_key_is_kept(space: Space) -> None:
    key = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 512

    async def scenario(store: Store) -> Any:
        await store.put(key, b"1")
        return await store.get(key), [found async for found, _ in store.scan("")]

    assert (b"1", [key]) == with_stores(space, scenario)


# Expiry


def test_a_value_expires(space: Space) -> None:
    async def scenario(store: Store) -> float:
        start = time.monotonic()
        await store.put("a", b"1", expires_in=0.3)
        assert b"1" == await store.get("a")

        async def gone() -> bool:
            return await store.get("a") is None

        await eventually(gone)
        return time.monotonic() - start

    assert 0.29 < with_stores(space, scenario) < 2.0


def test_what_has_expired_counts_as_not_there(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        for key in "abcd":
            await store.put(key, b"1", expires_in=0.05)
        await store.put("e", b"1")

        async def gone() -> bool:
            return await store.get("d") is None

        await eventually(gone)
        scanned = [key async for key, _ in store.scan("")]
        return scanned, await store.add("a", b"2"), await store.replace("b", b"1", b"2"), await store.take("c")

    assert (["e"], True, False, None) == with_stores(space, scenario)


def test_each_way_to_keep_a_value_can_let_it_expire_or_stay(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.add("added", b"1", expires_in=0.05)
        await store.put("replaced", b"0")
        await store.replace("replaced", b"0", b"1", expires_in=0.05)
        await store.put("stays", b"0", expires_in=0.05)
        await store.replace("stays", b"0", b"1")

        async def gone() -> bool:
            return await store.get("added") is None and await store.get("replaced") is None

        await eventually(gone)
        return await store.get("stays")

    assert b"1" == with_stores(space, scenario)


def test_a_value_with_no_time_left_is_not_kept(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a", b"1")
        await store.put("a", b"2", expires_in=0)
        await store.put("b", b"2", expires_in=-5.0)
        await store.add("c", b"2", expires_in=0)
        return [await store.get(key) for key in "abc"]

    assert [None, None, None] == with_stores(space, scenario)


def test_a_value_may_live_for_longer_than_anybody_does(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a", b"1", expires_in=1e12)
        return await store.get("a")

    assert b"1" == with_stores(space, scenario)


# Several at once


@pytest.mark.parametrize("how", ["add", "take", "replace"])
def test_of_many_at_once_exactly_one_wins(space: Space, how: str) -> None:
    async def attempt(store: Store, number: int, key: str) -> bool:
        if how == "add":
            return await store.add(key, b"%d" % number)
        if how == "take":
            return await store.take(key) is not None
        return await store.replace(key, b"before", b"%d" % number)

    async def scenario(*stores: Store) -> list[int]:
        winners = []
        for round_ in range(ROUNDS):
            key = f"{how}/{round_}"
            if how != "add":
                await stores[0].put(key, b"before")
            outcomes = [attempt(store, number, key) for number, store in enumerate(stores * 2)]
            winners.append(sum(await asyncio.gather(*outcomes)))
        return winners

    assert [1] * ROUNDS == with_stores(space, scenario, CLIENTS)


def test_of_counting_by_compare_and_swap_nothing_is_lost(space: Space) -> None:
    async def count(store: Store) -> None:
        for _ in range(10):
            while True:
                now = await store.get("count")
                assert now is not None
                if await store.replace("count", now, b"%d" % (int(now) + 1)):
                    break

    async def scenario(*stores: Store) -> Any:
        await stores[0].put("count", b"0")
        await asyncio.gather(*[count(store) for store in stores])
        return await stores[0].get("count")

    assert b"40" == with_stores(space, scenario, 4)


# Following


def test_a_follower_is_told_first_what_is_there(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a/1", b"1")
        await store.put("b/1", b"2")
        async with following(store, "a/") as follower:
            return follower.changes, follower.firsts

    assert ([("a/1", b"1")], 1) == with_stores(space, scenario)


def test_an_empty_store_is_told_as_a_first_batch_that_is_complete(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        batches = store.follow("")
        batch = await anext(batches)
        await batches.aclose()
        return batch.first, batch.complete, batch.changes

    assert (True, True, ()) == with_stores(space, scenario)


def test_a_follower_of_much_is_told_in_batches_the_last_of_which_is_complete(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await asyncio.gather(*[store.put(f"a/{number}", b"1") for number in range(1100)])
        batches, kinds, keys = store.follow("a/"), [], set()
        async for batch in batches:
            kinds.append((batch.first, batch.complete))
            keys |= {change.key for change in batch.changes}
            if batch.complete:
                break
        await batches.aclose()
        return kinds, len(keys)

    assert ([(True, False), (False, False), (False, True)], 1100) == with_stores(space, scenario)


def test_every_change_is_told_in_order_within_a_second_whoever_made_it(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        async with following(one, "a/") as follower:
            expected = []
            for number in range(100):
                store = one if number % 2 else other
                await store.put(f"a/{number}", b"1")
                await store.put(f"b/{number}", b"1")
                expected.append((f"a/{number}", b"1"))
            seconds = await follower.until(lambda each: len(each.changes) >= 100)
            return seconds < 1.0, follower.changes == expected

    assert (True, True) == with_stores(space, scenario, 2)


@pytest.mark.parametrize("by", ["itself", "another"])
def test_a_change_is_told_within_a_second(space: Space, by: str) -> None:
    async def scenario(one: Store, other: Store) -> list[bool]:
        store = one if by == "itself" else other
        async with following(one) as follower:
            quick = []
            for number in range(10):
                await store.put("a", b"%d" % number)
                quick.append(await follower.until(lambda each: each.values.get("a") == b"%d" % number) < 1.0)  # noqa: B023
            return quick

    assert [True] * 10 == with_stores(space, scenario, 2)


def test_every_way_to_change_a_value_is_told(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        seen = []
        async with following(one) as follower:
            for change in (
                other.put("a", b"1"),
                other.replace("a", b"1", b"2"),
                other.take("a"),
                other.add("a", b"3"),
                other.delete("a"),
            ):
                known = len(follower.changes)
                await change
                await follower.until(lambda each: len(each.changes) > known)  # noqa: B023
                seen.append(follower.changes[known:])
        return seen

    expected = [[("a", b"1")], [("a", b"2")], [("a", None)], [("a", b"3")], [("a", None)]]
    assert expected == with_stores(space, scenario, 2)


def test_what_changed_nothing_is_not_told(space: Space) -> None:
    async def scenario(store: Store) -> Any:
        await store.put("a", b"1")
        async with following(store) as follower:
            await store.add("a", b"2")
            await store.replace("a", b"0", b"2")
            await store.delete("none")
            await store.take("none")
            await store.put("last", b"1")
            await follower.until(lambda each: "last" in each.values)
            return follower.changes

    assert [("a", b"1"), ("last", b"1")] == with_stores(space, scenario)


def test_expiry_is_told_as_the_key_being_gone_within_a_second(space: Space) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        async with following(one) as follower:
            start = time.monotonic()
            await other.put("a", b"1", expires_in=0.3)
            await follower.until(lambda each: "a" in each.values)
            await follower.until(lambda each: "a" not in each.values)
            return time.monotonic() - start

    assert 0.29 < with_stores(space, scenario, 2) < 1.6


def test_followers_see_all_that_several_write_at_once(space: Space) -> None:
    async def write(store: Store, writer: int) -> None:
        for number in range(60):
            await store.put(f"{writer}/{number % 20}", b"%d" % number)
            if number % 7 == 0:
                await store.delete(f"{writer}/{number % 20}")

    async def scenario(*stores: Store) -> Any:
        async with following(stores[0]) as one, following(stores[1]) as other:
            await asyncio.gather(*[write(store, writer) for writer, store in enumerate(stores)])
            expected = {key: value async for key, value in stores[0].scan("")}
            await one.until(lambda each: each.values == expected)
            await other.until(lambda each: each.values == expected)
            return len(expected), one.firsts, other.firsts

    assert (4 * 17, 1, 1) == with_stores(space, scenario, 4)


# Anything

KEYS = st.sampled_from(["a", "a/b", "a/c", "b", "é", "a*", "'", "\x00", "%", "\\"])
VALUES = st.sampled_from([b"", b"1", b"2", b"\x00"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("take"), KEYS),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("put"), KEYS, VALUES),
        st.tuples(st.just("add"), KEYS, VALUES),
        st.tuples(st.just("replace"), KEYS, VALUES, VALUES),
    ),
    max_size=25,
)


class Model:
    """What a store is, on a page."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def take(self, key: str) -> bytes | None:
        return self.values.pop(key, None)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def put(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def add(self, key: str, value: bytes) -> bool:
        if key in self.values:
            return False
        self.values[key] = value
        return True

    def replace(self, key: str, old: bytes, new: bytes) -> bool:
        if self.values.get(key) != old:
            return False
        self.values[key] = new
        return True


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_whatever_is_done_a_store_answers_like_a_dictionary_and_its_followers_know_it(
    space: Space, operations: list[tuple[Any, ...]]
) -> None:
    async def scenario(one: Store, other: Store) -> None:
        async for key, _ in one.scan(""):  # of the example before
            await one.delete(key)
        model = Model()
        async with following(other) as follower:
            for number, (how, *arguments) in enumerate(operations):
                store = other if number % 2 else one
                assert getattr(model, how)(*arguments) == await getattr(store, how)(*arguments)
            for prefix in ("", "a", "a/", "a*", "%"):
                expected = {key: value for key, value in model.values.items() if key.startswith(prefix)}
                assert expected == {key: value async for key, value in one.scan(prefix)}
            await follower.until(lambda each: each.values == model.values)

    with_stores(space, scenario, 2)
