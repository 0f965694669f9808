"""Mode lease: a process takes a few units ahead and decides by itself while it has some."""

from __future__ import annotations

import asyncio
import re
from typing import Any, get_args

import pytest
from apim_sdk import Duration, Limit
from apim_sdk.counting import NEVER, Algorithm
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes.lease import life_of
from support.counter_rooms import redis_stores
from support.modes import counting, take
from support.redis import RedisProcess
from support.stores import RealClock


async def busy(counter: Counter, calls: int, pause: float = 0.001) -> int:
    """How many of evenly spaced calls pass."""
    passed = 0
    for _ in range(calls):
        passed += not await take(counter)
        await asyncio.sleep(pause)
    return passed


def test_a_busy_key_is_decided_without_asking_for_each_call() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 5000 == await busy(counter, 5000)
        assert store.asked["grant"] < 200

    counting(Limit(100_000, 60.0), steps, mode="lease", latency=0.002)


@pytest.mark.parametrize(
    ("limit", "questions"),
    [
        (Limit(100_000, 10.0), range(100, 101)),
        (Limit(100_000, 60.0), range(10, 40)),
        (Limit(100_000, 3600.0, "fixed-window"), range(10, 40)),
        (Limit(100_000, 3600.0, "sliding-window"), range(10, 40)),
        (Limit(100_000, 3600.0, "sliding-log"), range(100, 101)),
    ],
)
def test_a_key_that_is_called_ten_times_a_second_is_leased_where_the_window_is_long(
    limit: Limit, questions: range
) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 100 == await busy(counter, 100, pause=0.1)
        assert store.asked["grant"] + store.asked["settle"] in questions

    counting(limit, steps, mode="lease", members=4)


@pytest.mark.parametrize(
    ("limit", "life"),
    [
        (Limit(1000, 0.5, "fixed-window"), 0.1),
        (Limit(1000, 10.0, "fixed-window"), 0.1),
        (Limit(1000, 60.0, "fixed-window"), 0.6),
        (Limit(1000, 86_400.0, "fixed-window"), 1.0),
        (Limit(1000, 86_400.0, "sliding-log"), 0.1),
    ],
)
def test_a_lease_lives_for_a_hundredth_of_its_window(limit: Limit, life: float) -> None:
    assert life == pytest.approx(life_of(limit))


def test_a_lease_lives_shortly_where_little_is_left() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert 240 == await busy(counter, 240)
        await asyncio.sleep(1.5)
        rest = store.table(f"{context.place} test", limit).standing("a").remaining
        await asyncio.gather(*(take(counter) for _ in range(100)))
        await asyncio.sleep(0.25)

        assert 760 == rest, "all that was not spent is back"
        assert 660 == store.table(f"{context.place} test", limit).standing("a").remaining, "and sooner than in a second"

    limit = Limit(1000, 3600.0, "fixed-window")
    counting(limit, steps, mode="lease")


def test_a_key_that_is_rarely_used_holds_nothing_ahead() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await busy(counter, 5, pause=1.0)

        assert 5 == store.asked["grant"]
        assert 0 == store.asked["settle"]

    counting(Limit(100_000, 3600.0, "fixed-window"), steps, mode="lease")


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_exactly_the_limit_passes_in_a_burst(algorithm: Algorithm) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        decisions = await asyncio.gather(*(take(counter) for _ in range(1000)))

        assert 300 == sum(not wait for wait in decisions)

    counting(Limit(300, 600.0, algorithm), steps, mode="lease", latency=0.005)


def test_callers_wait_for_one_question_together() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        decisions = await asyncio.gather(*(take(counter) for _ in range(50)))

        assert [0.0] * 50 == decisions
        assert 2 == store.asked["grant"]  # the first caller asks at once, and the others wait

    counting(Limit(100, 60.0), steps, mode="lease", latency=0.005)


def test_a_flood_beyond_the_limit_does_not_reach_the_store() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter, cost=10)
        store.asked.clear()
        assert 0 == await busy(counter, 10_000)
        assert store.asked["grant"] <= 14

    counting(Limit(10, 3600.0, "fixed-window"), steps, mode="lease")


def test_a_refusal_says_how_long_to_wait() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter, cost=10)
        assert 60.0 == await take(counter)
        await asyncio.sleep(0.05)
        assert pytest.approx(59.95) == counter.take("a")

    counting(Limit(10, 60.0, "fixed-window"), steps, mode="lease")


def test_what_others_give_back_is_seen_soon() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        other = store.counter(f"{context.place} test", LARGE)
        await other.grant("a", 1, 1000)
        assert 0 != await take(counter)
        await other.settle("a", -1000)
        await asyncio.sleep(0.101)
        assert 0 == await take(counter)

    counting(LARGE, steps, mode="lease")


def test_what_is_not_spent_goes_back() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        passed = await busy(counter, 500)
        await asyncio.sleep(1.0)

        assert 1000 - passed == store.table(f"{context.place} test", LARGE).standing("a").remaining
        assert store.asked["settle"] > 0

    counting(LARGE, steps, mode="lease", latency=0.001)


def test_what_is_not_spent_goes_back_when_the_counter_is_closed() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        passed = await busy(counter, 500)
        await context.close()

        assert 1000 - passed == store.table(f"{context.place} test", LARGE).standing("a").remaining

    counting(LARGE, steps, mode="lease")


def test_a_lease_ends_with_its_window() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        passed = 0
        begun = context.clock.monotonic()
        while context.clock.monotonic() < begun + 0.999:
            passed += not await take(counter)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.002)
        asked = store.asked["grant"]
        await take(counter)
        assert asked + 1 == store.asked["grant"]

    counting(Limit(100_000, 1.0, "fixed-window"), steps, mode="lease")


def test_a_call_may_cost_more_than_a_lease_holds() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await busy(counter, 100)
        assert 0.0 == await take(counter, cost=500)
        assert 0.0 != await take(counter, cost=500)
        assert NEVER == counter.take("a", 1001)

    counting(LARGE, steps, mode="lease", latency=0.001)


def test_calls_that_are_refused_count_where_they_should() -> None:
    limit = Limit(10, 60.0, "sliding-log", count_refused=True)

    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        for _ in range(15):
            await take(counter)
        assert 15 == store.asked["grant"]

    counting(limit, steps, mode="lease")


def test_a_caller_that_goes_away_while_it_waits_takes_nothing() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        waiting = [asyncio.ensure_future(take(counter)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        assert [0.0, 0.0] == [await waiting[0], await waiting[2]]

    counting(Limit(2, 3600.0, "fixed-window"), steps, mode="lease", latency=0.01)


def test_the_others_are_served_when_the_caller_that_asks_goes_away() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        waiting = [asyncio.ensure_future(take(counter)) for _ in range(3)]
        await asyncio.sleep(0.001)
        waiting[0].cancel()
        assert [0.0, 0.0] == [await waiting[1], await waiting[2]]

    counting(LARGE, steps, mode="lease", latency=0.01)


def test_a_mistake_of_the_store_reaches_those_who_wait() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        def mistaken(*names: object) -> None:
            raise ZeroDivisionError("a mistake")

        store.table = mistaken  # type: ignore[method-assign, assignment]
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await take(counter)

    counting(LARGE, steps, mode="lease")


def test_several_processes_get_no_more_than_one_would() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        contexts = [FakeContext(clock=context.clock, counter_stores={"default": store}) for _ in range(4)]
        counters = [await open_counter(each, "test", LARGE, Counting()) for each in contexts]
        passed = sum(await asyncio.gather(*(busy(each, 1000) for each in counters)))
        for each in contexts:
            await each.close()
        assert 1000 == passed

    counting(LARGE, steps, mode="lease", latency=0.004, members=4)


def test_what_a_call_gives_back_soon_is_given_to_the_next_without_asking() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await busy(counter, 300)
        store.asked.clear()
        for _ in range(50):
            assert 0.0 == counter.take("a")
            assert counter.settle("a", -1) is None
        assert 0 == store.asked.total()

    counting(LARGE, steps, mode="lease")


def test_what_is_given_back_without_a_lease_goes_to_the_store() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await take(counter, cost=1000)
        assert 0.0 != await take(counter)
        pending = counter.settle("a", -1)
        assert pending is not None
        await pending
        assert 0.0 == await take(counter)

    counting(LARGE, steps, mode="lease")


def test_counts_and_leases_go_on_over_a_reload() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        assert counter is await open_counter(context, "test", LARGE, Counting())
        assert counter is not await open_counter(context, "test", LARGE, Counting(mode="exact"))

    counting(LARGE, steps, mode="lease")


def test_keys_that_are_idle_leave() -> None:
    async def steps(counter: Any, store: FakeCounterStore, context: FakeContext) -> None:
        for number in range(100):
            await take(counter, number)
        await asyncio.sleep(120.0)
        for number in range(100, 160):
            await take(counter, number)

        assert 60 == len(counter.keys)

    counting(Limit(10, 60.0), steps, mode="lease")


LARGE = Limit(1000, 3600.0, "fixed-window")


def test_keys_that_are_called_seldom_ask_together(redis_server: RedisProcess) -> None:
    def calls_of_the_script() -> int:
        found = re.search(r"cmdstat_evalsha:calls=(\d+)", redis_server.send("INFO commandstats"))
        return int(found[1]) if found else 0

    async def body() -> int:
        async with redis_stores(redis_server.url) as (store,):
            context = FakeContext(clock=RealClock(), counter_stores={"default": store})
            counter = await open_counter(context, "lease", Limit(100, 60.0), Counting(timeout=Duration("5s")))
            assert 0.0 == await take(counter, "first")
            before = calls_of_the_script()
            assert [0.0] * 200 == await asyncio.gather(*(take(counter, f"key {number}") for number in range(200)))
            asked = calls_of_the_script() - before
            await context.close()
            return asked

    assert asyncio.run(body()) in range(1, 5)  # the process says that it is still there by scripts, too
