"""What comes too often is refused, and told when to come again."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from apim_sdk import (
    ANONYMOUS,
    API,
    Application,
    ErrorKind,
    EvaluationError,
    Exchange,
    Fault,
    Headers,
    Operation,
    Plan,
    Principal,
    Subscription,
    errors,
)
from apim_sdk.testing import FakeContext, build, make_exchange, make_response, run, started
from apim_traffic.rate_limit import RateLimit
from support import limits as support_limits
from support.limits import Try, reset

limited = partial(support_limits.limited, RateLimit)
statuses = partial(support_limits.statuses, RateLimit)


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
        ("application-user", errors.APPLICATION_LIMIT_EXCEEDED),
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
    "application-user": (
        {"application": SHOP, "principal": Principal("anna")},
        {"application": SHOP, "principal": Principal("ben")},
    ),
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


@pytest.mark.parametrize("key", ["application", "application-user", "subscription", "principal.subject"])
def test_without_an_identity_each_address_counts_apart(key: str) -> None:
    exchanges = [make_exchange(client=f"192.0.2.{last}", principal=ANONYMOUS) for last in (1, 2, 1)]

    assert [200, 200, 429] == statuses({"requests": 1, "per": "1m", "key": key}, *exchanges)


def test_addresses_of_one_ipv6_network_count_together() -> None:
    exchanges = [make_exchange(client=address) for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]

    assert [200, 429, 200] == statuses({"requests": 1, "per": "1m", "key": "ip"}, *exchanges)


def test_the_ipv6_network_that_counts_as_one_can_be_larger() -> None:
    exchanges = [make_exchange(client=address) for address in ("2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1")]

    assert [200, 429, 200] == statuses({"requests": 1, "per": "1m", "key": "ip", "ipv6_prefix": 48}, *exchanges)


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


async def through(exchange: Exchange, *policies: RateLimit) -> Headers:
    """The headers of the answer to an exchange that went through several limits."""
    for policy in policies[1:]:
        policy.on_request(exchange)
    response = (await run(policies[0], exchange)).response
    assert response is not None
    return response.headers


def test_of_several_limits_the_older_headers_tell_the_one_with_the_least_left() -> None:
    async def body() -> list[str | None]:
        tight = build(RateLimit, {"requests": 2, "per": "1m", "headers": ["x-ratelimit"]})
        wide = build(RateLimit, {"requests": 9, "per": "1m", "headers": ["x-ratelimit"]})
        async with started(tight, FakeContext(place="tight")), started(wide, FakeContext(place="wide")):
            return [
                (await through(make_exchange(), *order)).get("X-RateLimit-Limit")
                for order in [(tight, wide), (wide, tight)]
            ]

    assert ["2", "2"] == asyncio.run(body())


def test_several_limits_tell_in_one_list() -> None:
    async def body() -> list[tuple[str, str]]:
        one = build(RateLimit, {"requests": 2, "per": "1m", "headers": ["ratelimit"], "name": "one"})
        two = build(RateLimit, {"requests": 9, "per": "1m", "headers": ["ratelimit"], "name": "two"})
        async with started(one, FakeContext(place="one")), started(two, FakeContext(place="two")):
            return list((await through(make_exchange(), one, two)).items())

    assert [
        ("RateLimit-Policy", '"one";q=2;w=60, "two";q=9;w=60'),
        ("RateLimit", '"one";r=1;t=30, "two";r=8;t=7'),
    ] == asyncio.run(body())


async def standing(*settings: dict[str, Any], calls: int = 1) -> list[str]:
    """What `RateLimit` says to each call that goes through such limits in order, up to the one that refuses.

    The order of a list is that of RateLimit-Policy too.
    """
    async with AsyncExitStack() as stack:
        policies = [build(RateLimit, {"per": "1h", "algorithm": "fixed-window", **each}) for each in settings]
        for number, policy in enumerate(policies):
            await stack.enter_async_context(started(policy, FakeContext(place=f"place/{number}")))
        seen = []
        for _ in range(calls):
            exchange = make_exchange()
            exchange.response = make_response(200)
            try:
                for policy in policies:
                    policy.on_request(exchange)
            except Fault as fault:
                exchange.faulted(fault)
                exchange.response = make_response(fault.status, fault.headers)
            while exchange._afters:
                exchange._afters.pop()(exchange)
            policy_names, names = (
                re.findall('"(.*?)"', exchange.response.headers.get(name, ""))
                for name in ("RateLimit-Policy", "RateLimit")
            )
            assert policy_names == names
            seen.append(exchange.response.headers.get("RateLimit", ""))
        return seen


TELLING = {"headers": ["ratelimit"], "key": "api"}


def test_limits_of_one_name_are_told_apart_by_their_order() -> None:
    told = asyncio.run(standing({**TELLING, "requests": 5}, {**TELLING, "requests": 9}, {**TELLING, "requests": 7}))

    assert ['"api-3";r=6;t=3600, "api-2";r=8;t=3600, "api";r=4;t=3600'] == told


def test_a_limit_is_called_the_same_when_it_refuses() -> None:
    first, second = {**TELLING, "requests": 2}, {"key": "api", "requests": 1}
    assert ['"api";r=1;t=3600', '"api-2";r=0;t=3600, "api";r=1;t=3600'] == asyncio.run(standing(first, second, calls=2))

    first, second = {**TELLING, "requests": 1}, {**TELLING, "requests": 2}
    assert ['"api-2";r=1;t=3600, "api";r=0;t=3600', '"api";r=0;t=3600'] == asyncio.run(standing(first, second, calls=2))


def test_a_number_makes_no_name_that_somebody_has_given() -> None:
    limits = [{**TELLING, "requests": 5, "name": name} for name in ("api", "api-2", "api")]

    assert ['"api-3";r=4;t=3600, "api-2";r=4;t=3600, "api";r=4;t=3600'] == asyncio.run(standing(*limits))


@pytest.mark.parametrize(
    ("names", "told"), [(("one", "two"), ("one", "two")), (("same", "same"), ("same",))], ids=["each", "once"]
)
def test_an_answer_names_all_limits_that_it_is_beyond(names: tuple[str, str], told: tuple[str, ...]) -> None:
    async def body() -> tuple[str, ...]:
        soft = {"requests": 1, "per": "1m", "stop_on_quota": False}
        one, two = (build(RateLimit, {**soft, "name": name}) for name in names)
        async with started(one, FakeContext(place="one")), started(two, FakeContext(place="two")):
            await through(make_exchange(), one, two)
            return tuple((await through(make_exchange(), one, two)).get_all("X-Over-Quota"))

    assert told == asyncio.run(body())


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


def test_a_refused_call_counts_where_that_is_wanted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        for _ in range(4):
            await attempt(make_exchange())
        context.clock.advance(59.0)
        assert 429 == (await attempt(make_exchange())).status

    limited({"requests": 2, "per": "1m", "key": "api", "count_refused": True}, steps)


def test_a_call_counts_for_what_it_costs() -> None:
    settings = {"requests": 10, "per": "1m", "key": "api", "cost": "int(request.headers['x-cost'])"}
    exchanges = [make_exchange(headers={"X-Cost": cost}) for cost in ("6", "5", "4", "0", "-3", "1")]

    assert [200, 429, 200, 200, 200, 429] == statuses(settings, *exchanges)


def test_a_call_that_costs_more_than_there_ever_is_is_not_told_to_come_again() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert "Retry-After" not in fault.headers
        assert {} == fault.fields

    limited({"requests": 10, "per": "1m", "cost": "11"}, steps)


@pytest.mark.parametrize("cost", ["'a'", "true", "1e300", "null"])
def test_a_cost_that_is_no_number_is_an_error(cost: str) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        with pytest.raises(EvaluationError, match="a cost is a number"):
            await attempt(make_exchange())

    limited({"requests": 10, "per": "1m", "cost": cost}, steps)


def test_what_is_beyond_a_limit_that_does_not_stop_comes_through_marked() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        first, second = [await attempt(make_exchange()) for _ in range(2)]
        assert first.response is not None
        assert second.response is not None
        assert [None, "api"] == [each.exchange.variables.get("over_quota") for each in (first, second)]
        assert [None, "api"] == [each.headers.get("X-Over-Quota") for each in (first.response, second.response)]
        assert 1 == context.metrics.counters["apim_limit_over_quota_total", context.place]

    limited({"requests": 1, "per": "1m", "key": "api", "stop_on_quota": False}, steps)


def test_clients_are_warned_near_the_limit_and_operators_once_in_a_window() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        answers = [(await attempt(make_exchange())).response for _ in range(10)]
        assert [None] * 7 + ["api"] * 3 == [each and each.headers.get("X-RateLimit-Warning") for each in answers]
        assert 1 == context.metrics.counters["apim_limit_warnings_total", context.place]
        assert ["a limit is nearly reached"] == [line.event for line in context.log.lines]

    limited({"requests": 10, "per": "1m", "key": "api", "warn_at": 0.8}, steps)


def test_near_the_limit_is_near_the_burst() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        answers = [(await attempt(make_exchange())).response for _ in range(5)]
        assert [None] * 3 + ["api"] * 2 == [each and each.headers.get("X-RateLimit-Warning") for each in answers]

    limited({"requests": 1000, "per": "1h", "burst": 5, "key": "api", "warn_at": 0.8}, steps)


def test_refusals_are_counted() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        for _ in range(3):
            await attempt(make_exchange())
        assert 2 == context.metrics.counters["apim_limit_refused_total", context.place]

    limited({"requests": 1, "per": "1m"}, steps)


def test_the_first_group_that_a_call_belongs_to_counts_it() -> None:
    settings = {
        "requests": 2,
        "per": "1m",
        "key": "api",
        "groups": [
            {"when": "cidr('10.0.0.0/8').containsIP(client.address)", "requests": 1, "per": "1m"},
            {"when": "request.headers['x-tier'] == 'gold'", "requests": 3, "per": "1m"},
        ],
    }
    inside, gold, other = {"client": "10.0.0.1", "headers": {"X-Tier": "gold"}}, {"headers": {"X-Tier": "gold"}}, {}
    calls = [inside] * 2 + [gold] * 4 + [other] * 3

    assert [200, 429, 200, 200, 200, 429, 200, 200, 429] == statuses(
        settings, *[make_exchange(**call) for call in calls]
    )


@pytest.mark.parametrize("algorithm", ["sliding-window", "sliding-log", "fixed-window"])
def test_it_counts_in_other_ways_too(algorithm: str) -> None:
    exchanges = [make_exchange() for _ in range(4)]

    assert [200, 200, 200, 429] == statuses({"requests": 3, "per": "1m", "algorithm": algorithm}, *exchanges)


@pytest.mark.parametrize(
    ("key", "exchange", "named"),
    [
        ("api", {"api": API("orders", "1.0", "/")}, {"api": "orders", "version": "1.0"}),
        (
            "operation",
            {"api": API("orders", "1.0", "/"), "operation": Operation("GET", "/a")},
            {"api": "orders", "version": "1.0", "operation": "GET /a"},
        ),
        (
            "plan",
            {"api": API("orders", "1.0", "/"), "plan": Plan("gold")},
            {"api": "orders", "version": "1.0", "plan": "gold"},
        ),
        ("application", {"application": SHOP}, {"application": "1"}),
        (
            "application-user",
            {"application": SHOP, "principal": Principal("anna")},
            {"application": "1", "user": "anna"},
        ),
        (
            "subscription",
            {"application": SHOP, "subscription": Subscription("orders", "gold", "s1")},
            {"subscription": "s1"},
        ),
        ("ip", {"client": "192.0.2.7"}, {"address": "192.0.2.7"}),
        ("ip", {"client": "2001:db8::7"}, {"address": "2001:db8::8"}),
        (
            "principal.subject",
            {"principal": Principal("anna", issuer="https://a.example")},
            {"issuer": "https://a.example", "user": "anna"},
        ),
        ("principal.subject", {"principal": Principal("anna")}, {"user": "anna"}),
        ("request.headers['x-tenant']", {"headers": {"X-Tenant": "t" * 100}}, {"value": "t" * 100}),
    ],
)
def test_a_count_is_reset_by_what_its_key_is_made_of(key: str, exchange: Any, named: dict[str, str]) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(make_exchange(**exchange))
        assert not await reset(context, {"key_type": "sandbox"})
        assert not await reset(context, named, place="apis/other")
        assert 429 == (await attempt(make_exchange(**exchange))).status
        assert await reset(context, named, place="apis/test/flows")
        assert 200 == (await attempt(make_exchange(**exchange))).status

    limited({"requests": 1, "per": "1m", "key": key}, steps)


@pytest.mark.parametrize("written", ["::ffff:192.0.2.7", "192.0.2.7"])
def test_an_address_is_reset_however_it_is_written(written: str) -> None:
    exchange = make_exchange(client="192.0.2.7")

    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(exchange)
        assert await reset(context, {"address": written})
        assert 200 == (await attempt(exchange)).status

    limited({"requests": 1, "per": "1m", "key": "ip"}, steps)


def test_an_address_that_is_none_resets_nothing() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        assert not await reset(context, {"address": "here"})

    limited({"requests": 1, "per": "1m", "key": "ip"}, steps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "described by some of address, api, application"),
        ({"key": {}}, "described by some of"),
        ({"key": {"aplication": "a1"}}, "described by some of"),
        ({"key": {"application": 1}}, "each part of the key to reset is a text"),
        ({"key": {"application": "a1"}, "where": "here"}, "may have a `place`"),
        ({"key": {"application": "a1"}, "place": 1}, "may have a `place`"),
    ],
)
def test_a_reset_that_names_nobody_is_refused(arguments: Any, message: str) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        (handler,) = context.offered["reset-limit"]
        with pytest.raises(ValueError, match=message):
            await handler(arguments)

    limited({"requests": 1, "per": "1m"}, steps)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"requests": 0, "per": "1s"}, "requests"),
        ({"requests": 1, "per": "0s"}, "1ms or longer"),
        ({"requests": 1, "per": "1s", "burst": 0}, "burst"),
        ({"requests": 1, "per": "1s", "key": "request.("}, "expected a field name"),
        ({"requests": 1, "per": "1s", "key": "aplication"}, "aplication"),
        ({"requests": 1, "per": "1s", "burst": 2, "algorithm": "fixed-window"}, "only gcra has a burst"),
        ({"requests": 200_000, "per": "1s", "algorithm": "sliding-log"}, "take sliding-window"),
        ({"requests": 1, "per": "1s", "name": 'a"b'}, "name"),
        ({"requests": 1, "per": "1s", "warn_at": 1}, "warn_at"),
        ({"requests": 1, "per": "1s", "groups": [{"requests": 1, "per": "1s"}]}, "when"),
    ],
)
def test_settings_that_make_no_limit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(RateLimit, settings)
