"""Counter stores of every kind, opened as gateways open them, with a clock that the test sets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
from apim_sdk import CounterStore, Secret
from apim_sdk.testing import FakeClock, FakeCounterStore
from apim_sdk.testing.context import FakeContext, started
from apim_sdk.testing.recorders import FakeLog
from apim_stores import redis_counters, redis_counting, redis_counting_script
from apim_stores.redis_counters import RedisCounters
from apim_stores.redis_counting_script import COUNT, sha

from apim_core.counters import NodeCounters, NodeLedger
from support.redis import RedisProcess

CLOCK = b"apim:test:clock"


@attrs.frozen
class Room:
    """Counts that nobody else uses: ``stores`` count together, and ``advance`` lets seconds pass for them."""

    name: str
    stores: tuple[CounterStore, ...]
    clock: FakeClock
    advance: Callable[[float], Awaitable[None]]


@contextlib.asynccontextmanager
async def fake_room(count: int = 1) -> AsyncIterator[Room]:
    """The store of the test kit, which is tables of the SDK."""
    clock = FakeClock()
    yield Room("fake", (FakeCounterStore(clock),) * count, clock, _advancing(clock))


@contextlib.asynccontextmanager
async def node_room(count: int = 1) -> AsyncIterator[Room]:
    """Stores of so many workers, and their supervisor."""
    clock = FakeClock()
    ledger = NodeLedger(clock, 10_000, lambda: count, FakeLog())
    stores: list[NodeCounters] = []
    try:
        for number in range(count):
            ours, theirs = socket.socketpair()
            for each in (ours, theirs):
                each.setblocking(False)
            await ledger.attach(ours, number)
            stores.append(await NodeCounters.open(theirs, 5.0))
        yield Room("node", tuple(stores), clock, _advancing(clock))
    finally:
        for store in stores:
            store.close()
            await store.closed()


def by_the_clock_of_a_test(monkeypatch: Any) -> None:
    """Let the script take the time from a key, which ``redis_room`` sets. Expiry goes by the real clock, far later."""
    script = COUNT.replace("redis.call('TIME')", f"redis.call('HMGET', '{CLOCK.decode()}', 'seconds', 'micros')")
    script = script.replace("MARGIN, LARGEST, MOST, NEVER = 1000,", "MARGIN, LARGEST, MOST, NEVER = 600000,")
    assert script.count(CLOCK.decode()) == script.count("600000") == 1
    monkeypatch.setattr(redis_counting_script, "COUNT_SHA", sha(script))
    set_up = ((b"SCRIPT", b"LOAD", script.encode()), redis_counting.SET_UP[-1])
    for module in (redis_counting, redis_counters):
        monkeypatch.setattr(module, "SET_UP", set_up)


@contextlib.asynccontextmanager
async def redis_room(server: RedisProcess, count: int = 1) -> AsyncIterator[Room]:
    """Stores of so many gateways in a Redis, whose script has been made to go ``by_the_clock_of_a_test``."""
    clock = FakeClock()

    async def advance(seconds: float) -> None:
        clock.advance(seconds)
        micros = int(clock.epoch * 1_000_000)
        whole, rest = divmod(micros, 1_000_000)
        await _tell(server, f"HSET {CLOCK.decode()} seconds {whole} micros {rest}")

    await advance(0.0)
    async with redis_stores(server.url, count) as stores:
        yield Room("redis", stores, clock, advance)


@contextlib.asynccontextmanager
async def redis_stores(url: str, count: int = 1, **settings: Any) -> AsyncIterator[tuple[RedisCounters, ...]]:
    """Stores of so many gateways under a prefix of their own; patient, as the machine may be busy."""
    settings = {"timeout": "5s", "prefix": f"{uuid.uuid4()}:", **settings}
    async with contextlib.AsyncExitStack() as stack:
        yield tuple(
            [
                await stack.enter_async_context(started(RedisCounters(Secret(url), **settings), FakeContext()))
                for _ in range(count)
            ]
        )


def _advancing(clock: FakeClock) -> Callable[[float], Awaitable[None]]:
    async def advance(seconds: float) -> None:
        clock.advance(seconds)

    return advance


async def _tell(server: RedisProcess, line: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(line.encode() + b"\r\n")
    await reader.readline()
    writer.close()
    await writer.wait_closed()
