"""A reset by one process, and what others do that have refused or hold units of the key."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Limit
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes import MODES
from support.modes import take

LIMIT = Limit(10, 3600.0, "fixed-window")


async def used_up(counter: Counter) -> None:
    """Call until there is nothing left, for a second, as a client that does not stop."""
    for _ in range(20):
        await take(counter)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("mode", list(MODES))
def test_every_process_lets_calls_through_again_within_seconds(mode: str) -> None:
    async def body() -> None:
        clock = LoopClock()
        store = FakeCounterStore(clock, members=2, latency=0.002)
        contexts = [FakeContext(clock=clock, counter_stores={"default": store}) for _ in range(2)]  # type: ignore[arg-type]
        settings = Counting(mode=mode)  # type: ignore[arg-type]
        one, other = [await open_counter(context, "test", LIMIT, settings) for context in contexts]
        await asyncio.gather(used_up(one), used_up(other))
        assert 0.0 != await take(other)

        await one.reset("a")  # type: ignore[misc]
        passed = 0
        for _ in range(60):
            passed += 0.0 == await take(other)
            await asyncio.sleep(0.05)

        assert 10 <= passed <= 10 + (mode == "async")
        assert 0.0 != await take(other)
        for context in contexts:
            await context.close()

    run_in_virtual_time(body())
