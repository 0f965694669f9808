"""Answers in a store are found by all who use it, and a store that is away is as good as an empty one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from apim_sdk import Exchange
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, FakeStore, build, make_exchange, started
from apim_traffic.cache import Cache
from support.caching import Caching, fresh

STORED = {"store": "answers", "scope": "public"}


def with_two(
    scenario: Callable[[Caching, Caching], Awaitable[Any]], *answers: Answer, store: FakeStore | None = None
) -> Any:
    """What a scenario answers with two processes before the same backend, that share a store."""

    async def body() -> Any:
        contexts = [FakeContext(), FakeContext()]
        shared = store or FakeStore(contexts[0].clock.now)
        backend = FakeEndpoint(*answers)
        for context in contexts:
            context.stores = {"answers": shared}
        async with started(build(Cache, STORED), contexts[0]) as one, started(build(Cache, STORED), contexts[1]) as two:
            return await scenario(Caching(one, contexts[0], backend), Caching(two, contexts[1], backend))

    return asyncio.run(body())


def test_what_one_process_has_asked_for_the_other_has() -> None:
    async def scenario(one: Caching, two: Caching) -> tuple[bytes, bytes, int]:
        first = await one.ask()
        await one.settle()
        return first.body, (await two.ask()).body, one.asked

    assert (b"fresh", b"fresh", 1) == with_two(scenario, fresh())


def test_variants_are_found_by_what_they_were_selected_by() -> None:
    async def scenario(one: Caching, two: Caching) -> list[bytes]:
        bodies = []
        for caching, tier in ((one, "gold"), (one, "silver"), (two, "gold"), (two, "silver"), (two, "none")):
            bodies.append((await caching.ask(headers={"X-Tier": tier})).body)
            await caching.settle()
        return bodies

    answers = [fresh(body, Vary="X-Tier") for body in ("gold", "silver", "other")]
    assert [b"gold", b"silver", b"gold", b"silver", b"other"] == with_two(scenario, *answers)


def test_a_change_through_one_process_is_a_change_for_the_other() -> None:
    async def scenario(one: Caching, two: Caching) -> list[bytes]:
        await one.ask()
        await one.settle()
        await two.ask("DELETE /x")
        return [(await one.ask()).body, (await two.ask()).body]

    assert [b"new", b"new"] == with_two(scenario, fresh("old"), Answer(204), fresh("new"))


def test_an_answer_that_was_under_way_when_another_process_changed_its_url_is_not_kept() -> None:
    async def scenario(one: Caching, two: Caching) -> bytes:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(exchange: Exchange) -> Any:
            asked.set()
            await go_on.wait()
            return await one.backend.send(exchange)

        exchange = make_exchange("GET /x")
        looking_up = one.policy.on_request(exchange)
        assert looking_up is not None
        await looking_up
        old = asyncio.create_task(one.policy.around(exchange, slow))
        await asked.wait()
        await two.ask("PUT /x")
        go_on.set()
        await (await old).body.read()
        await one.settle()
        return (await two.ask()).body

    assert b"new" == with_two(scenario, Answer(204), fresh("old"), fresh("new"))


def test_a_store_that_is_away_is_a_miss_and_counted_and_not_asked_for_a_while() -> None:
    store = FakeStore()
    store.away = True

    async def scenario(one: Caching, two: Caching) -> None:
        bodies = [(await one.ask()).body for _ in range(3)]
        await one.settle()
        assert ([b"fresh"] * 3, 3) == (bodies, one.asked)
        failures = one.context.metrics.counters["apim_cache_store_failures_total", one.context.place]
        assert failures >= 1
        assert 1 == len([line for line in one.context.log.lines if "store of a cache is away" in line.event])
        store.away = False
        one.context.clock.advance(2)
        for _ in range(3):
            await one.ask()
            await one.settle()
        assert 4 == one.asked

    with_two(scenario, fresh(), store=store)


def test_a_store_that_does_not_answer_does_not_hold_the_request() -> None:
    class Slow(FakeStore):
        async def get(self, key: str) -> bytes | None:
            await asyncio.Event().wait()
            return None

    async def scenario(one: Caching, two: Caching) -> bytes:
        return (await one.ask()).body

    assert b"fresh" == with_two(scenario, fresh(), store=Slow())


def test_what_cannot_be_read_is_a_miss() -> None:
    store = FakeStore()

    async def scenario(one: Caching, two: Caching) -> tuple[bytes, int]:
        await one.ask()
        await one.settle()
        for key in [key async for key, value in store.scan("cache/") if value[:1] == b"A"]:
            await store.put(key, b"Agarbage")
        return (await two.ask()).body, one.asked

    assert (b"fresh", 2) == with_two(scenario, fresh(), store=store)


def test_stale_answers_are_validated_out_of_the_store() -> None:
    async def scenario(one: Caching, two: Caching) -> tuple[bytes, str | None]:
        await one.ask()
        await one.settle()
        two.context.clock.advance(61)
        outcome = await two.ask()
        await two.settle()
        return outcome.body, one.backend.received[1].headers.get("If-None-Match")

    answers = (fresh("one", ETag='"a"'), Answer(304, {"ETag": '"a"', "Cache-Control": "max-age=60"}))
    assert (b"one", '"a"') == with_two(scenario, *answers)
