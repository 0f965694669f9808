"""A mode over a fake store, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from apim_sdk import Limit
from apim_sdk.counting import Key
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.counter import Counter, Counting, open_counter

__all__ = ["counting", "take"]

Steps = Callable[[Counter, FakeCounterStore, FakeContext], Awaitable[None]]


async def take(counter: Counter, key: Key = "a", cost: int = 1) -> float:
    """The decision, whether it comes at once or from the store."""
    decision = counter.take(key, cost)
    return decision if isinstance(decision, float) else await decision


def counting(limit: Limit, steps: Steps, *, members: int = 1, latency: float = 0.0, **settings: Any) -> None:
    """Run steps with a counter of these settings and the store behind it; time moves only where they wait for it."""

    async def body() -> None:
        clock = LoopClock()
        store = FakeCounterStore(clock, members=members, latency=latency)
        context = FakeContext(clock=clock, counter_stores={"default": store})  # type: ignore[arg-type]
        try:
            await steps(await open_counter(context, "test", limit, Counting(**settings)), store, context)
        finally:
            await context.close()

    run_in_virtual_time(body())
