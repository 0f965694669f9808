"""Threat class 24, as far as keys go that clients can make up: memory and metrics stay bounded, bounds are counted."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest
from apim_sdk import Exchange, Policy
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, build, make_exchange, run, started

MADE_UP = 'request.headers["x-tenant"]'
BOUNDED: dict[str, dict[str, Any]] = {
    "circuit-breaker": {"key": MADE_UP, "max_keys": 100},
    "retry": {"key": MADE_UP, "max_keys": 100, "first_delay": 0},
    "adaptive-concurrency": {"key": MADE_UP, "max_keys": 100},
    "bulkhead": {"key": MADE_UP, "max_calls": 1},
    "concurrency-limit": {"key": MADE_UP, "max_requests": 1},
}
KEYS = 2_000


def exchange_of(number: int) -> Exchange:
    return make_exchange(headers={"X-Tenant": f"{number:06}" + "x" * 5_000})


@pytest.mark.parametrize("name", BOUNDED)
def test_keys_that_clients_make_up_take_bounded_room(name: str) -> None:
    async def scenario() -> tuple[int, FakeContext]:
        context = FakeContext()
        policy = build(name, BOUNDED[name])
        assert isinstance(policy, Policy)
        endpoint = FakeEndpoint(Answer(503))
        async with started(policy, context):
            for number in range(KEYS):
                if number == 500:
                    gc.collect()
                    before, _ = tracemalloc.get_traced_memory()
                await run(policy, exchange_of(number), endpoint=endpoint)
                endpoint.received.clear()
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        return after - before, context

    tracemalloc.start()
    try:
        grown, context = asyncio.run(scenario())
    finally:
        tracemalloc.stop()
    assert grown < 128 * 1024, "less than 90 bytes a key"
    labels = {key for key in (*context.metrics.counters, *context.metrics.gauges) if "x" * 10 in repr(key)}
    assert set() == labels, "and no series of its own"
    if "max_keys" in BOUNDED[name]:
        forgotten = f"apim_{name.replace('-', '_')}_forgotten_keys_total"
        assert KEYS - 100 == context.metrics.counters[forgotten, context.place]
