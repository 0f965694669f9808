"""What comes too often is refused, and told when to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_sdk import (
    ANONYMOUS,
    API,
    Application,
    ErrorKind,
    Exchange,
    Operation,
    Plan,
    Principal,
    Subscription,
    errors,
)
from apim_sdk.testing import FakeContext, Outcome, build, make_exchange, run, started
from apim_traffic.rate_limit import RateLimit

Try = Callable[[Exchange], Awaitable[Outcome]]


def limited(settings: dict[str, Any], steps: Callable[[Try, FakeContext], Awaitable[None]]) -> None:
    async def body() -> None:
        context = FakeContext()
        policy = build(RateLimit, settings)
        async with started(policy, context):
            await steps(lambda exchange: run(policy, exchange), context)

    asyncio.run(body())


def statuses(settings: dict[str, Any], *exchanges: Exchange) -> list[int]:
    seen: list[int] = []

    async def steps(attempt: Try, context: FakeContext) -> None:
        seen.extend([(await attempt(exchange)).status for exchange in exchanges])

    limited(settings, steps)
    return seen


def test_exactly_as_many_as_allowed_pass_in_a_fresh_window() -> None:
    exchanges = [make_exchange() for _ in range(5)]

    assert [200, 200, 200, 429, 429] == statuses({"requests": 3, "per": "1m", "key": "api"}, *exchanges)


def test_the_burst_bounds_what_comes_at_once() -> None:
    exchanges = [make_exchange() for _ in range(3)]

    assert [200, 200, 429] == statuses({"requests": 100, "per": "1h", "burst": 2, "key": "api"}, *exchanges)


def test_a_refused_call_does_not_count() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        for _ in range(50):
            await attempt(make_exchange())
        context.clock.advance(30.0)
        assert [200, 429] == [(await attempt(make_exchange())).status for _ in range(2)]

    limited({"requests": 2, "per": "1m", "key": "api"}, steps)


def test_a_refusal_says_when_to_come_again() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        context.clock.epoch = 1_735_725_600.0  # 2025-01-01 10:00:00 UTC
        await attempt(make_exchange())
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert "60" == fault.headers["Retry-After"]
        assert {"nextAccessTime": "2025-Jan-01 10:01:00+0000 UTC"} == fault.fields
        assert "You have exceeded your limit of 1 requests in 1m" == fault.description

    limited({"requests": 1, "per": "1m", "key": "api"}, steps)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("api", errors.API_LIMIT_EXCEEDED),
        ("operation", errors.OPERATION_LIMIT_EXCEEDED),
        ("application", errors.APPLICATION_LIMIT_EXCEEDED),
        ("subscription", errors.SUBSCRIPTION_LIMIT_EXCEEDED),
        ("plan", errors.CUSTOM_LIMIT_EXCEEDED),
        ("ip", errors.CUSTOM_LIMIT_EXCEEDED),
        ("principal.subject", errors.CUSTOM_LIMIT_EXCEEDED),
        ("request.method", errors.CUSTOM_LIMIT_EXCEEDED),
    ],
)
def test_the_error_names_the_level_of_the_limit(key: str, kind: ErrorKind) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(make_exchange())
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert kind == fault.kind

    limited({"requests": 1, "per": "1m", "key": key}, steps)


SHOP = Application("shop", "1")
KIOSK = Application("kiosk", "2")

APART = {
    "api": ({"api": API("orders", "1.0", "/")}, {"api": API("orders", "2.0", "/")}),
    "operation": ({"operation": Operation("GET", "/a")}, {"operation": Operation("PUT", "/a")}),
    "plan": ({"plan": Plan("gold")}, {"plan": Plan("silver")}),
    "application": ({"application": SHOP}, {"application": KIOSK}),
    "subscription": (
        {"application": SHOP, "subscription": Subscription("orders", "gold", "s1")},
        {"application": SHOP, "subscription": Subscription("stock", "gold", "s2")},
    ),
    "principal.subject": (
        {"principal": Principal("anna", issuer="https://a.example")},
        {"principal": Principal("anna", issuer="https://b.example")},
    ),
    "ip": ({"client": "192.0.2.1"}, {"client": "192.0.2.2"}),
    "request.headers['x-tenant']": ({"headers": {"X-Tenant": "a"}}, {"headers": {"X-Tenant": "b"}}),
}


@pytest.mark.parametrize("key", list(APART))
def test_each_value_of_the_key_counts_apart(key: str) -> None:
    one, other = APART[key]
    exchanges = [make_exchange(**one), make_exchange(**other), make_exchange(**one)]

    assert [200, 200, 429] == statuses({"requests": 1, "per": "1m", "key": key}, *exchanges)


@pytest.mark.parametrize("key", ["application", "subscription", "principal.subject"])
def test_without_an_identity_each_address_counts_apart(key: str) -> None:
    exchanges = [make_exchange(client=f"192.0.2.{last}", principal=ANONYMOUS) for last in (1, 2, 1)]

    assert [200, 200, 429] == statuses({"requests": 1, "per": "1m", "key": key}, *exchanges)


def test_addresses_of_one_ipv6_network_count_together() -> None:
    exchanges = [make_exchange(client=address) for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]

    assert [200, 429, 200] == statuses({"requests": 1, "per": "1m", "key": "ip"}, *exchanges)


def test_long_values_of_an_expression_count_apart_too() -> None:
    exchanges = [make_exchange(headers={"X-Tenant": "t" * 100 + last}) for last in ("a", "b", "a")]

    assert [200, 200, 429] == statuses({"requests": 1, "per": "1m", "key": "request.headers['x-tenant']"}, *exchanges)


def test_an_answer_says_how_the_client_stands_where_that_is_wanted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(make_exchange())
        response = (await attempt(make_exchange())).response
        assert response is not None
        assert [
            ("RateLimit-Policy", '"application";q=10;w=60'),
            ("RateLimit", '"application";r=8;t=12'),
        ] == list(response.headers.items())

    limited({"requests": 10, "per": "1m", "key": "application", "headers": ["ratelimit"]}, steps)


def test_a_refusal_says_how_the_client_stands() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(make_exchange())
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert {
            "Retry-After": "1",
            "RateLimit-Policy": '"custom";q=4',
            "RateLimit": '"custom";r=0;t=1',
        } == dict(fault.headers)

    limited({"requests": 4, "per": "1500ms", "burst": 1, "key": "request.host"}, steps)


def test_the_older_headers_are_there_for_who_wants_them() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        response = (await attempt(make_exchange())).response
        assert response is not None
        assert [
            ("X-RateLimit-Limit", "10"),
            ("X-RateLimit-Remaining", "9"),
            ("X-RateLimit-Reset", "6"),
        ] == list(response.headers.items())

    limited({"requests": 10, "per": "1m", "headers": ["x-ratelimit"]}, steps)


def test_of_several_limits_the_older_headers_tell_the_one_with_the_least_left() -> None:
    async def body() -> list[str | None]:
        tight = build(RateLimit, {"requests": 2, "per": "1m", "headers": ["x-ratelimit"]})
        wide = build(RateLimit, {"requests": 9, "per": "1m", "headers": ["x-ratelimit"]})
        async with started(tight, FakeContext(place="tight")), started(wide, FakeContext(place="wide")):
            seen = []
            for first, second in [(tight, wide), (wide, tight)]:
                exchange = make_exchange()
                await run(first, exchange)
                assert exchange.response is not None
                second.on_request(exchange)
                second.after(exchange)
                seen.append(exchange.response.headers.get("X-RateLimit-Limit"))
            return seen

    assert ["2", "2"] == asyncio.run(body())


def test_an_answer_says_nothing_unless_it_is_wanted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        response = (await attempt(make_exchange())).response
        assert response is not None
        assert 0 == len(response.headers)

    limited({"requests": 10, "per": "1m"}, steps)


def test_counting_goes_on_over_a_reload() -> None:
    async def body() -> list[int]:
        context = FakeContext()
        old = build(RateLimit, {"requests": 2, "per": "1m"})
        new = build(RateLimit, {"requests": 2, "per": "1m"})
        await old.start(context)
        seen = [(await run(old, make_exchange())).status for _ in range(2)]
        await new.start(context)
        await old.stop()
        seen.append((await run(new, make_exchange())).status)
        await context.close()
        return seen

    assert [200, 200, 429] == asyncio.run(body())


def test_a_full_table_is_counted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        for last in range(1, 4):
            await attempt(make_exchange(client=f"192.0.2.{last}"))
        place = context.place
        assert {("apim_limit_forgotten_keys_total", place): 1} == context.metrics.counters

    limited({"requests": 1, "per": "1m", "key": "ip", "max_keys": 2}, steps)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"requests": 0, "per": "1s"}, "requests"),
        ({"requests": 1, "per": "0s"}, "1ms or longer"),
        ({"requests": 1, "per": "1s", "burst": 0}, "burst"),
        ({"requests": 1, "per": "1s", "key": "request.("}, "expected a field name"),
        ({"requests": 1, "per": "1s", "key": "aplication"}, "aplication"),
    ],
)
def test_settings_that_make_no_limit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(RateLimit, settings)
