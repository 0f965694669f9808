"""What becomes of calls while the counter store is away."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Limit, Reject, errors
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes import MODES
from support.modes import counting, take

LIMIT = Limit(100, 3600.0, "fixed-window")
ASKING = ["exact", "lease", "hybrid"]


async def passed(counter: Counter, calls: int = 200) -> int:
    return sum([not await take(counter) for _ in range(calls)])


@pytest.mark.parametrize("mode", list(MODES))
def test_local_counts_in_the_process_up_to_its_share(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await asyncio.sleep(6.0)  # by then the store has been missed
        assert 25 == await passed(counter)
        assert 200 == context.metrics.counters["apim_limit_calls_without_store_total", context.place, "local"]

    counting(LIMIT, steps, mode=mode, members=4)


@pytest.mark.parametrize("mode", list(MODES))
def test_what_was_let_through_so_is_told_when_the_store_is_back(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await asyncio.sleep(6.0)
        await passed(counter)
        store.away = False
        await asyncio.sleep(2.0)

        assert 75 == store.table(f"{context.place} test", LIMIT).standing("a").remaining

    counting(LIMIT, steps, mode=mode, members=4)


def test_what_no_longer_counts_is_not_told() -> None:
    limit = Limit(100, 10.0, "fixed-window")

    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await asyncio.sleep(6.0)
        await passed(counter)
        await asyncio.sleep(20.0)
        store.away = False
        await asyncio.sleep(2.0)

        assert 100 == store.table(f"{context.place} test", limit).standing("a").remaining

    counting(limit, steps, members=4)


def test_a_store_that_comes_and_goes_gives_the_share_once_in_a_window() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        seen = []
        for _ in range(3):
            store.away = True
            await asyncio.sleep(6.0)
            seen.append(await passed(counter))
            store.away = False
            await asyncio.sleep(2.0)
        assert [25, 0, 0] == seen

    counting(LIMIT, steps, mode="exact", members=4)


@pytest.mark.parametrize("mode", list(MODES))
def test_open_lets_all_pass(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        await asyncio.sleep(6.0)
        assert 200 == await passed(counter)

    counting(LIMIT, steps, mode=mode, on_store_error="open")


@pytest.mark.parametrize("mode", ASKING)
def test_closed_refuses_with_503(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.away = True
        for _ in range(3):
            with pytest.raises(Reject) as refused:
                await take(counter)
            assert errors.LIMIT_UNDECIDED == refused.value.kind
            assert "1" == refused.value.headers["Retry-After"]

    counting(LIMIT, steps, mode=mode, on_store_error="closed")


@pytest.mark.parametrize("mode", ASKING)
def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_allowed(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.silent = True
        begun = context.clock.monotonic()
        assert 0.0 == await take(counter)
        assert 0.05 == pytest.approx(context.clock.monotonic() - begun, abs=0.001)

    counting(LIMIT, steps, mode=mode, timeout=0.05, members=4)


@pytest.mark.parametrize("mode", ASKING)
def test_nobody_waits_for_a_store_that_is_known_to_be_away(mode: str) -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.silent = True
        for _ in range(3):
            await take(counter)
        store.asked.clear()
        assert [True] * 20 == [isinstance(counter.take("a"), float) for _ in range(20)]
        assert 0 == store.asked["grant"]

    counting(LIMIT, steps, mode=mode)


def test_one_late_answer_does_not_make_the_store_away() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.silent = True
        await take(counter)
        store.silent = False
        await take(counter)
        assert 2 == store.asked["grant"]

    counting(LIMIT, steps, mode="exact")


def test_the_log_says_once_a_minute_that_the_store_is_away() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        for _ in range(10):
            store.away = True
            await take(counter)
            store.away = False
            await asyncio.sleep(3.0)
        assert [
            "the counter store is away; limits go by on_store_error",
            "the counter store is back",
        ] == [line.event for line in context.log.lines]

    counting(LIMIT, steps, mode="exact")


def test_failures_are_counted_by_what_failed() -> None:
    async def steps(counter: Counter, store: FakeCounterStore, context: FakeContext) -> None:
        store.silent = True
        await take(counter)
        store.silent, store.away = False, True
        await take(counter)
        assert 1 == context.metrics.counters["apim_counter_store_failures_total", "late"]
        assert 1 == context.metrics.counters["apim_counter_store_failures_total", "away"]

    counting(LIMIT, steps, mode="exact")


def test_a_store_that_is_away_at_the_start_does_not_keep_the_gateway_from_starting() -> None:
    async def body() -> None:
        store = FakeCounterStore(LoopClock())
        store.away = True
        context = FakeContext(clock=LoopClock(), counter_stores={"default": store})  # type: ignore[arg-type]
        counter = await open_counter(context, "test", LIMIT, Counting())
        assert 0.0 == counter.take("a")
        await context.close()

    run_in_virtual_time(body())
