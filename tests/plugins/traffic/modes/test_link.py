"""How processes that count with a store learn how many they are."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from apim_sdk import Limit
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes import Link
from support.counter_rooms import redis_stores
from support.modes import counting, take
from support.redis import RedisProcess
from support.stores import RealClock, eventually

LIMIT = Limit(100, 3600.0, "fixed-window")


async def passed(counter: Counter, calls: int = 200) -> int:
    return sum([not await take(counter) for _ in range(calls)])


def test_those_that_start_together_soon_take_a_share_only() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.counting = 4
        await asyncio.sleep(0.35)
        store.away = True
        assert 25 == await passed(counter)

    counting(LIMIT, steps, mode="exact")


def test_in_the_long_run_it_is_asked_every_five_seconds() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await asyncio.sleep(30.0)
        begun = store.asked["members"]
        await asyncio.sleep(60.0)
        assert 12 == store.asked["members"] - begun

    counting(LIMIT, steps, members=4)


def test_when_the_number_has_changed_it_is_asked_again_soon() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        await asyncio.sleep(30.0)
        store.counting = 5
        await asyncio.sleep(5.0)
        store.counting = 10
        await asyncio.sleep(5.0)
        store.away = True
        assert 10 == await passed(counter)

    counting(LIMIT, steps, members=4, mode="exact")


def test_the_workers_of_the_node_are_known_while_the_store_is_away() -> None:
    async def body() -> None:
        clock = LoopClock()
        store, node = FakeCounterStore(clock), FakeCounterStore(clock, members=4)
        store.away = True
        stores = {"default": store, "node": node}
        context = FakeContext(clock=clock, counter_stores=stores)  # type: ignore[arg-type]
        assert 25 == await passed(await open_counter(context, "test", LIMIT, Counting()))
        await context.close()

    run_in_virtual_time(body())


def test_a_supervisor_that_does_not_answer_does_not_keep_the_gateway_from_starting() -> None:
    async def body() -> None:
        clock = LoopClock()
        store, node = FakeCounterStore(clock, members=2), FakeCounterStore(clock, members=4)
        node.away = True
        stores = {"default": store, "node": node}
        context = FakeContext(clock=clock, counter_stores=stores)  # type: ignore[arg-type]
        counter = await open_counter(context, "test", LIMIT, Counting(mode="exact"))
        assert ["the supervisor does not say how many workers there are"] == [line.event for line in context.log.lines]
        store.away = True
        assert 50 == await passed(counter)
        await context.close()

    run_in_virtual_time(body())


def test_a_store_that_comes_back_empty_is_not_believed_that_there_are_fewer() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await take(counter)
        store.counting = 1  # as long as the others have not asked it
        store.away = False
        await asyncio.sleep(2.0)
        store.away = True
        assert 24 == await passed(counter)

    counting(LIMIT, steps, members=4, mode="exact")


def test_that_there_are_fewer_is_believed_in_time() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await take(counter)
        store.counting = 2
        store.away = False
        await asyncio.sleep(15.0)
        store.away = True
        assert 49 == await passed(counter)

    counting(LIMIT, steps, members=4, mode="exact")


def test_what_a_process_counted_alone_stays_counted_when_its_share_changes() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await passed(counter)
        store.counting = 2
        store.away = False
        await asyncio.sleep(15.0)
        store.away = True
        assert 25 == await passed(counter)  # half of the limit, of which a quarter is used

    counting(LIMIT, steps, members=4, mode="exact")


def test_processes_that_start_together_know_of_each_other_at_once(redis_server: RedisProcess) -> None:
    async def scenario() -> float:
        async with redis_stores(redis_server.url, 4) as stores, contextlib.AsyncExitStack() as stack:
            links = []
            for store in stores:
                context = FakeContext(clock=RealClock())
                stack.push_async_callback(context.close)
                links.append(await context.shared("link", partial(Link.open, store, context)))

            async def known() -> bool:
                return [4] * 4 == [link.members for link in links]

            return await eventually(known)

    assert asyncio.run(scenario()) < 3.0
