"""A purge voids what it names, in this process and in all that hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_sdk import API, Exchange
from apim_sdk.testing import FakeContext, FakeEndpoint, FakeStore, build, make_exchange, started
from apim_traffic.cache import Cache
from apim_traffic.cache.purging import subject_of
from support.caching import Caching, fresh, with_cache


async def purge(caching: Caching, **arguments: str) -> None:
    for handler in caching.context.offered["purge"]:
        await handler(arguments)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"url": "/x"}, ["/y"]),
        ({"url": "/x?a=1"}, ["/x", "/x?a=2", "/y"]),
        ({"tag": "even"}, ["/x?a=1", "/y"]),
        ({"tag": "none"}, ["/x", "/x?a=1", "/x?a=2", "/y"]),
        ({"api": "test"}, []),
        ({"api": "test", "version": "1.0"}, []),
        ({"api": "test", "version": "2.0"}, ["/x", "/x?a=1", "/x?a=2", "/y"]),
        ({"api": "other"}, ["/x", "/x?a=1", "/x?a=2", "/y"]),
    ],
)
def test_what_is_named_is_asked_for_again(arguments: dict[str, str], left: list[str]) -> None:
    async def scenario(caching: Caching) -> list[str]:
        urls = ["/x", "/x?a=1", "/x?a=2", "/y"]
        for url in urls:
            await caching.ask(f"GET {url}")
        await purge(caching, **arguments)
        found = [url for url in urls if not (await caching.ask(f"GET {url}")).reached_endpoint]
        assert [] == [url for url in urls if (await caching.ask(f"GET {url}")).reached_endpoint]
        return found

    tagged = [fresh(Cache_Tag=tag) for tag in ("even", "odd", "even, late", "odd")]
    assert left == with_cache({}, scenario, *tagged, fresh())


def test_a_purge_is_for_everybody_who_has_an_answer() -> None:
    async def scenario(caching: Caching) -> list[bool]:
        for who in ("anna", "otto"):
            await caching.ask(principal=who)
        await purge(caching, url="/x")
        return [(await caching.ask(principal=who)).reached_endpoint for who in ("anna", "otto")]

    assert [True, True] == with_cache({}, scenario, fresh())


def test_an_answer_that_was_under_way_when_the_purge_came_is_not_kept() -> None:
    async def scenario(caching: Caching) -> bytes:
        async def purged_meanwhile(exchange: Exchange) -> Any:
            response = await caching.backend.send(exchange)
            await purge(caching, tag="a")
            return response

        exchange = make_exchange("GET /x")
        caching.policy.on_request(exchange)
        await (await caching.policy.around(exchange, purged_meanwhile)).body.read()
        return (await caching.ask()).body

    assert b"new" == with_cache({}, scenario, fresh("old", Cache_Tag="a"), fresh("new"))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"url": "/x", "tag": "a"},
        {"url": "x"},
        {"url": "http://localhost/x"},
        {"tag": ""},
        {"tag": 1},
        {"version": "1"},
        {"tag": "a", "version": "1"},
        {"path": "/x"},
    ],
)
def test_a_purge_that_is_not_clear_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"purge|version|url"):
        subject_of(arguments)


def with_nodes(settings: dict[str, Any], scenario: Callable[[Caching, Caching, FakeStore], Awaitable[Any]]) -> Any:
    """What a scenario answers with two nodes that share a store."""

    async def body() -> Any:
        contexts = [FakeContext(), FakeContext()]
        store = FakeStore()
        for context in contexts:
            context.stores = {"shared": store}
        async with (
            started(build(Cache, settings), contexts[0]) as one,
            started(build(Cache, settings), contexts[1]) as two,
        ):
            backend = FakeEndpoint(fresh())
            await asyncio.sleep(0)
            return await scenario(Caching(one, contexts[0], backend), Caching(two, contexts[1], backend), store)

    return asyncio.run(body())


@pytest.mark.parametrize("settings", [{"purges": "shared"}, {"store": "shared"}])
def test_a_purge_on_one_node_is_one_on_the_others(settings: dict[str, Any]) -> None:
    async def scenario(one: Caching, two: Caching, store: FakeStore) -> list[bool]:
        for caching in (one, two):
            await caching.ask()
            await caching.settle()
        await purge(one, tag="none")
        await purge(one, api="test")
        async with asyncio.timeout(5):
            while not two.policy._marks.of(["api test"]):
                await asyncio.sleep(0)
        return [(await two.ask()).reached_endpoint, (await two.ask("GET /x", api=API("other", "1", "/"))).status == 200]

    assert [True, True] == with_nodes(settings, scenario)


def test_a_purge_that_the_store_does_not_take_says_so_and_holds_here_all_the_same() -> None:
    async def scenario(one: Caching, two: Caching, store: FakeStore) -> bool:
        await one.ask()
        store.away = True
        with pytest.raises(ConnectionError):
            await purge(one, api="test")
        return (await one.ask()).reached_endpoint

    assert with_nodes({"purges": "shared"}, scenario)


def test_a_node_that_starts_knows_the_purges_of_before() -> None:
    async def body() -> bool:
        store = FakeStore()
        first, second = FakeContext(stores={"shared": store}), FakeContext(stores={"shared": store})
        async with started(build(Cache, {"store": "shared"}), first) as policy:
            caching = Caching(policy, first, FakeEndpoint(fresh()))
            await caching.ask()
            await caching.settle()
            await purge(caching, api="test")
        async with started(build(Cache, {"store": "shared"}), second) as policy:
            caching = Caching(policy, second, FakeEndpoint(fresh()))
            async with asyncio.timeout(5):
                while not policy._marks.of(["api test"]):
                    await asyncio.sleep(0)
            return (await caching.ask()).reached_endpoint

    assert asyncio.run(body())
