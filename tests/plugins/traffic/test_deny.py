"""Calls of an API, an application, a user or an address that are denied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from apim_sdk import ANONYMOUS, API, Application, Principal, errors
from apim_sdk.testing import FakeContext, FakeStore, build, make_exchange, run, started
from apim_traffic.deny import Deny
from support import limits as support_limits
from support.limits import Try

limited = partial(support_limits.limited, Deny)

ORDERS = {"api": API("orders", "1.0", "/orders/1.0")}
STOCK = {"api": API("stock", "1.0", "/stock/1.0")}
SHOP = {"application": Application("shop", "a1", owner="ann")}
KIOSK = {"application": Application("kiosk", "a2", owner="ben")}
ANNA = {"principal": Principal("anna")}
BEN = {"principal": Principal("ben")}

CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"api": "/orders/1.0"}, ORDERS, STOCK),
    ({"api": "orders"}, ORDERS, STOCK),
    ({"api": "orders:1.0"}, ORDERS, {"api": API("orders", "2.0", "/orders/2.0")}),
    ({"application": "a1"}, SHOP, KIOSK),
    ({"application": "shop"}, SHOP, KIOSK),
    ({"application": "ann:shop"}, SHOP, {"application": Application("shop", "a3", owner="eve")}),
    ({"user": "anna"}, ANNA, BEN),
    ({"user": "anonymous"}, {"principal": Principal("anonymous")}, {"principal": ANONYMOUS}),
    ({"address": "192.0.2.7"}, {"client": "192.0.2.7"}, {"client": "192.0.2.8"}),
    ({"address": "192.0.2.0/24"}, {"client": "192.0.2.7"}, {"client": "192.0.3.7"}),
    ({"address": "192.0.2.10-192.0.2.99"}, {"client": "192.0.2.99"}, {"client": "192.0.2.100"}),
    ({"address": "2001:db8::/32"}, {"client": "2001:db8::7"}, {"client": "2001:db9::7"}),
    ({"when": "request.headers['x-bad'] == 'yes'"}, {"headers": {"X-Bad": "yes"}}, {}),
    ({"api": "orders", "user": "anna"}, {**ORDERS, **ANNA}, {**ORDERS, **BEN}),
]


@pytest.mark.parametrize(("condition", "denied", "let_in"), CASES)
@pytest.mark.parametrize("invert", [False, True])
def test_a_condition_denies_those_that_it_holds_of_or_all_others(
    condition: dict[str, Any], denied: dict[str, Any], let_in: dict[str, Any], invert: bool
) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen = [(await attempt(make_exchange(**call))).status for call in (denied, let_in)]
        assert ([200, 403] if invert else [403, 200]) == seen

    limited({"conditions": [{**condition, "invert": invert}]}, steps)


def test_a_condition_that_is_switched_off_denies_nobody() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        assert 200 == (await attempt(make_exchange(**SHOP))).status

    limited({"conditions": [{"application": "shop", "enabled": False}]}, steps)


def test_the_refusal_has_the_code_of_a_denial_and_the_status_that_is_wanted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        fault = (await attempt(make_exchange(**SHOP))).fault
        assert fault is not None
        assert (errors.DENIED.code, 429) == (fault.kind.code, fault.status)

    limited({"conditions": [{"application": "shop"}], "status": 429}, steps)


def stored(steps: Callable[[Callable[[], Awaitable[int]], FakeStore, FakeContext], Awaitable[None]]) -> None:
    """Run ``steps`` with a policy whose conditions are in a store; what it is given asks as an application."""

    async def body() -> None:
        store = FakeStore()
        await store.put("deny/first", json.dumps({"application": "kiosk"}).encode())
        context = FakeContext(stores={"main": store})
        policy = build(Deny, {"store": "main", "max_conditions": 3})
        async with started(policy, context):

            async def ask() -> int:
                for _ in range(5):  # what follows the store runs meanwhile
                    await asyncio.sleep(0)
                return (await run(policy, make_exchange(**SHOP))).status

            await steps(ask, store, context)

    asyncio.run(body())


def test_conditions_of_a_store_count_as_soon_as_they_are_there() -> None:
    async def steps(ask: Callable[[], Awaitable[int]], store: FakeStore, context: FakeContext) -> None:
        seen = [await ask()]
        for condition in ({"application": "shop"}, {"application": "shop", "enabled": False}, {"application": "a1"}):
            await store.put("deny/1", json.dumps(condition).encode())
            seen.append(await ask())
        await store.delete("deny/1")
        seen.append(await ask())
        assert [200, 403, 200, 403, 200] == seen

    stored(steps)


@pytest.mark.parametrize("value", [b"{", b"[]", b"{}", b'{"aplication": "shop"}', b'{"address": "here"}', b"\xff"])
def test_an_entry_that_is_no_condition_is_logged_and_denies_nobody(value: bytes) -> None:
    async def steps(ask: Callable[[], Awaitable[int]], store: FakeStore, context: FakeContext) -> None:
        await store.put("deny/1", value)
        assert 200 == await ask()
        assert ["deny/1"] == [line.facts["entry"] for line in context.log.lines]

    stored(steps)


def test_the_management_port_writes_conditions_and_removes_them() -> None:
    async def steps(ask: Callable[[], Awaitable[int]], store: FakeStore, context: FakeContext) -> None:
        (write,) = context.offered["deny"]
        seen = []
        for condition in ({"application": "shop"}, {"application": "shop", "enabled": False}, {"user": "eve"}, None):
            await write({"id": "one", "condition": condition})
            seen.append(await ask())
        assert [403, 200, 200, 200] == seen
        assert await store.get("deny/one") is None

    stored(steps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "has an `id` and a `condition`"),
        ({"id": "one"}, "has an `id` and a `condition`"),
        ({"id": "../one", "condition": None}, "has an `id` and a `condition`"),
        ({"id": "one", "condition": None, "at": "once"}, "has an `id` and a `condition`"),
        ({"id": "one", "condition": {"aplication": "shop"}}, "aplication"),
        ({"id": "one", "condition": []}, "the condition is no good"),
        ({"id": "one", "condition": {}}, "say whom to deny"),
    ],
)
def test_a_condition_that_is_none_is_not_written(arguments: dict[str, Any], message: str) -> None:
    async def steps(ask: Callable[[], Awaitable[int]], store: FakeStore, context: FakeContext) -> None:
        (write,) = context.offered["deny"]
        with pytest.raises(ValueError, match=message):
            await write(arguments)
        assert await store.get("deny/one") is None

    stored(steps)


def test_conditions_beyond_the_most_are_left_out_and_counted() -> None:
    async def steps(ask: Callable[[], Awaitable[int]], store: FakeStore, context: FakeContext) -> None:
        for number in range(2):
            await store.put(f"deny/{number}", b'{"user": "eve"}')
        await store.put("deny/9", b'{"application": "shop"}')
        assert 200 == await ask()
        assert 1 == context.metrics.counters["apim_denials_left_out_total", context.place]

    stored(steps)


def test_it_does_not_start_without_the_conditions_of_its_store() -> None:
    async def body() -> None:
        store = FakeStore()
        store.away = True
        with pytest.raises(TimeoutError, match="did not tell its denials"):
            async with started(build(Deny, {"store": "main", "timeout": "10ms"}), FakeContext(stores={"main": store})):
                raise AssertionError("it started")

    asyncio.run(body())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "say whom to deny"),
        ({"conditions": [{}]}, "say whom to deny"),
        ({"conditions": [{"invert": True}]}, "say whom to deny"),
        ({"conditions": [{"address": "192.0.2.9-192.0.2.1"}]}, "is no address, network or range"),
        ({"conditions": [{"address": "192.0.2.1/24"}]}, "is no address, network or range"),
        ({"conditions": [{"address": "::1-192.0.2.1"}]}, "is no address, network or range"),
        ({"conditions": [{"user": "anna"}], "status": 200}, "status"),
    ],
)
def test_settings_that_deny_nobody_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(Deny, settings)
