"""What protects a backend leaves nothing behind when its configuration is gone: nothing that it shared, nor itself."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, build, make_exchange, run
from apim_sdk.testing.store import FakeStore

POLICIES: dict[str, dict[str, Any]] = {
    "circuit-breaker": {"minimum_calls": 1, "shared": "nodes"},
    "retry": {"try_timeout": "50ms", "first_delay": 0},
    "timeout": {"head": "50ms"},
    "bulkhead": {"max_calls": 1},
    "concurrency-limit": {"max_requests": 1},
    "adaptive-concurrency": {},
    "load-shedding": {},
}


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_freed_without_a_search_of_the_heap(name: str) -> None:
    async def scenario() -> None:
        context = FakeContext(stores={"nodes": FakeStore()})
        policy = build(name, POLICIES[name])
        await policy.start(context)
        for status in (200, 503):
            await run(policy, make_exchange(), endpoint=FakeEndpoint(Answer(status)))
        left = [weakref.ref(policy), *(weakref.ref(future.result()) for future in context._shared.values())]
        await policy.stop()
        await context.close()
        del policy
        await asyncio.sleep(0.1)  # the timer of a time-out rings once more
        assert [] == [thing for reference in left if (thing := reference()) is not None]
        assert all(read() is None for read in context.metrics.gauges.values())

    gc.collect()
    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()
