"""Every counter store counts as the tables of the SDK do: `apim_sdk.CounterStore`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apim_sdk import Grant, Limit
from apim_sdk.counting import ALGORITHMS, open_table
from apim_stores.redis_limits import numbers_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.counter_rooms import Room, by_the_clock_of_a_test, fake_room, node_room, redis_room

Open = Callable[[int], AbstractAsyncContextManager[Room]]
algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)
TICK = 1 / 64
"""Seconds that are whole microseconds, and that sums of floats keep exactly."""


@pytest.fixture(params=["fake", "node", "redis"])
def rooms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens so many stores that count together, of each kind."""
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        by_the_clock_of_a_test(monkeypatch)
        yield lambda count: redis_room(server, count)
    else:
        yield fake_room if request.param == "fake" else node_room


@asynccontextmanager
async def counters(rooms: Open, limit: Limit, count: int = 1) -> AsyncIterator[tuple[Room, list[Any]]]:
    async with rooms(count) as room:
        yield room, [store.counter("limit", limit) for store in room.stores]


def same(expected: Grant, found: Grant) -> None:
    """Units are the same, and times but for the microsecond that a store counts in."""
    assert (expected.units, expected.remaining) == (found.units, found.remaining)
    for wanted, told in ((expected.wait, found.wait), (expected.reset, found.reset)):
        assert wanted == told or math.isclose(wanted, told, rel_tol=1e-12, abs_tol=5e-6), (expected, found)


# Agreement

limits = st.builds(
    Limit,
    units=st.integers(1, 12) | st.sampled_from([1000, 999_983, 2**40 - 1]),
    seconds=st.sampled_from([0.5, 1.0, 7.0, 60.0, 86_400.0]),
    algorithm=st.sampled_from([each for each in ALGORITHMS if each != "sliding-log"]),
    count_refused=st.booleans(),
) | st.builds(
    Limit,
    units=st.integers(1, 12) | st.just(1000),
    seconds=st.sampled_from([0.5, 1.0, 7.0, 60.0]),
    algorithm=st.just("sliding-log"),
    count_refused=st.booleans(),
)
bursts = st.builds(
    lambda limit, burst: Limit(limit.units, limit.seconds, burst=burst, count_refused=limit.count_refused),
    limits.filter(lambda limit: limit.algorithm == "gcra" and limit.units < 2**30),
    st.integers(1, 30),
)
calendars = st.builds(
    Limit,
    units=st.integers(1, 12),
    seconds=st.just(86_400.0),
    algorithm=st.just("fixed-window"),
    calendar=st.sampled_from(["minute", "hour", "day", "month"]),
    zone=st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")]),
    count_refused=st.booleans(),
)
amounts = st.integers(1, 9) | st.sampled_from([500, 10**6, 2**39])
steps = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 30) | st.sampled_from([64, 640, 4000, 64 * 86_400]), st.just(0)),
    st.tuples(st.just("grant"), amounts, st.integers(0, 9)),
    st.tuples(st.just("grant"), st.just(1), st.just(0)),
    st.tuples(st.just("settle"), st.integers(-9, 9), st.just(0)),
    st.tuples(st.just("reset"), st.just(0), st.just(0)),
)


def exact(limit: Limit) -> bool:
    """Whether a window has a tick each microsecond in Redis, too."""
    _, _, _, length, ticks, *_ = numbers_of(limit)
    return limit.algorithm == "fixed-window" or length == ticks


@given(
    limit=(limits | bursts | calendars).filter(exact),
    sequence=st.lists(st.tuples(steps, st.sampled_from("ab")), max_size=40),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_answers_what_a_table_does(
    rooms: Open, limit: Limit, sequence: list[tuple[tuple[str, int, int], str]]
) -> None:
    async def scenario() -> None:
        async with counters(rooms, limit, 2) as (room, shared):
            table = open_table(limit, room.clock)
            for number, ((what, first, more), key) in enumerate(sequence):
                counter = shared[number % 2]
                if what == "pass":
                    await room.advance(first * TICK)
                elif what == "grant":
                    same(table.grant(key, first, first + more), await counter.grant(key, first, first + more))
                elif what == "settle":
                    if first:
                        table.settle(key, first)
                    same(table.standing(key), await counter.settle(key, first))
                else:
                    table.reset(key)
                    await counter.reset(key)

    asyncio.run(scenario())


@given(
    algorithm=st.sampled_from(ALGORITHMS),
    seconds=st.sampled_from([1.0, 60.0]),
    units=st.lists(st.sampled_from([1, 5, 25]), min_size=1, max_size=40),
    sequence=st.lists(st.tuples(steps, st.sampled_from("ab")), max_size=40),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_question_goes_by_the_limit_of_its_own_where_limits_vary(
    rooms: Open, algorithm: Any, seconds: float, units: list[int], sequence: list[tuple[tuple[str, int, int], str]]
) -> None:
    limits = {each: Limit(each, seconds, algorithm, varying=True) for each in units}

    async def scenario() -> None:
        async with rooms(2) as room:
            shared = [{each: store.counter("limit", limits[each]) for each in limits} for store in room.stores]
            table = open_table(limits[units[0]], room.clock)
            for number, ((what, first, more), key) in enumerate(sequence):
                each = units[number % len(units)]
                counter = shared[number % 2][each]
                table.adopt(limits[each])
                if what == "pass":
                    await room.advance(first * TICK)
                elif what == "grant":
                    same(table.grant(key, first, first + more), await counter.grant(key, first, first + more))
                elif what == "settle":
                    if first:
                        table.settle(key, first)
                    same(table.standing(key), await counter.settle(key, first))
                else:
                    table.reset(key)
                    await counter.reset(key)

    asyncio.run(scenario())


# Alone and together


@algorithms
def test_of_many_who_race_no_more_get_through_than_the_limit_says(rooms: Open, algorithm: str) -> None:
    async def scenario() -> Any:
        async with counters(rooms, Limit(50, 3600.0, algorithm), 4) as (_, shared):
            asked = [shared[number % 4].grant("a", 1, 1) for number in range(200)]
            return sum(grant.units for grant in await asyncio.gather(*asked))

    assert 50 == asyncio.run(scenario())


@algorithms
def test_counts_go_on_when_there_are_other_units(rooms: Open, algorithm: str) -> None:
    async def scenario() -> Any:
        async with rooms(2) as room:
            before = room.stores[0].counter("limit", Limit(10, 60.0, algorithm))
            await before.grant("a", 4, 4)
            after = room.stores[1].counter("limit", Limit(30, 60.0, algorithm))
            return (await after.settle("a", 0)).remaining

    assert 26 == asyncio.run(scenario())


@algorithms
def test_counters_of_other_names_windows_and_keys_are_others(rooms: Open, algorithm: str) -> None:
    async def scenario() -> Any:
        async with rooms(1) as room:
            (store,) = room.stores
            await store.counter("limit", Limit(5, 60.0, algorithm)).grant("a", 5, 5)
            others = [
                (store.counter("other", Limit(5, 60.0, algorithm)), "a"),
                (store.counter("limit", Limit(5, 30.0, algorithm)), "a"),
                (store.counter("limit", Limit(5, 60.0, algorithm)), "A"),
            ]
            return [(await counter.settle(key, 0)).remaining for counter, key in others]

    assert [5, 5, 5] == asyncio.run(scenario())


@pytest.mark.parametrize("key", ["", "\x00\r\n", "{a}", "\ud800", "\U0001f600" * 512])
def test_a_key_may_be_any_text(rooms: Open, key: str) -> None:
    async def scenario() -> Any:
        async with counters(rooms, Limit(5, 60.0)) as (_, (counter,)):
            return (await counter.grant(key, 1, 1)).units, (await counter.settle(key, 0)).remaining

    assert (1, 4) == asyncio.run(scenario())


def test_a_window_of_the_calendar_ends_when_the_stores_clock_says_so(rooms: Open) -> None:
    zone = ZoneInfo("Europe/Berlin")

    async def scenario() -> Any:
        async with rooms(1) as room:
            counter = room.stores[0].counter("limit", Limit(2, 86400.0, "fixed-window", calendar="day", zone=zone))
            before_midnight = datetime(2026, 3, 28, 23, 59, 50, tzinfo=zone).timestamp()
            await room.advance(before_midnight - room.clock.now())
            waits = [(await counter.grant("a", 1, 1)).wait for _ in range(3)]
            await room.advance(10)
            after = await counter.grant("a", 1, 1)
            return waits, after.units, (await counter.settle("a", 0)).reset

    # The clocks go forward: the next day has 23 hours.
    assert ([0.0, 0.0, 10.0], 1, 23 * 3600.0) == asyncio.run(scenario())


@algorithms
def test_more_units_than_can_be_counted_finely_are_never_exceeded(rooms: Open, algorithm: str) -> None:
    if algorithm == "sliding-log":
        return
    most = 2**40 - 1

    async def scenario() -> Any:
        async with counters(rooms, Limit(most, 86_400.0, algorithm)) as (room, (counter,)):
            first = await counter.grant("a", 1, most)
            again = await counter.grant("a", 1, most)
            await room.advance(3600.0)
            later = await counter.grant("a", 1, most)
            return first.units, again.units, later.units / most

    first, again, later = asyncio.run(scenario())
    assert (most, 0) == (first, again)
    assert later <= (1 / 24 if algorithm == "gcra" else 0.0)
