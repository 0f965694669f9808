"""Applications come in by the keys that they hold."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from apim_auth.api_key import APIKey
from apim_sdk import Application, ApplicationKey, Credential, Exchange, Principal, Reject, Secret
from apim_sdk.errors import INVALID_CREDENTIALS
from apim_sdk.testing import FakeApplications, FakeContext, build, make_exchange, started

SHOP = Application("shop", "1")
CONTEXT = FakeContext(applications=FakeApplications({("api-key", "k-1"): SHOP}))


def judged(plugin: APIKey, exchange: Exchange) -> Principal:
    async def judge() -> Principal:
        async with started(plugin, CONTEXT):
            credential = plugin.find(exchange)
            assert credential is not None
            return plugin.judge(credential, exchange)

    return asyncio.run(judge())


def test_the_holder_of_the_key_is_the_principal() -> None:
    exchange = make_exchange(headers={"X-API-Key": "k-1"})

    assert Principal("shop", application=SHOP, key_type="production") == judged(build(APIKey), exchange)


def test_a_key_that_nobody_holds_is_refused() -> None:
    with pytest.raises(Reject) as refusal:
        judged(build(APIKey), make_exchange(headers={"X-API-Key": "k-2"}))

    assert INVALID_CREDENTIALS == refusal.value.kind
    assert {"WWW-Authenticate": 'ApiKey realm="apim"'} == refusal.value.headers


def test_the_refusal_does_not_show_the_key() -> None:
    with pytest.raises(Reject) as refusal:
        judged(build(APIKey), make_exchange(headers={"X-API-Key": "k-secret"}))

    assert "k-secret" not in f"{refusal.value} {refusal.value.detail} {refusal.value.description}"


def test_without_a_key_there_is_no_credential() -> None:
    assert build(APIKey).find(make_exchange()) is None


def test_an_empty_key_is_no_credential() -> None:
    assert build(APIKey).find(make_exchange(headers={"X-API-Key": ""})) is None


def test_a_key_that_comes_twice_is_refused() -> None:
    exchange = make_exchange(headers=[("X-API-Key", "k-1"), ("X-API-Key", "k-1")])

    with pytest.raises(Reject):
        judged(build(APIKey), exchange)


def test_the_key_may_come_in_the_query() -> None:
    plugin = build(APIKey, {"header": None, "query": "api-key"})

    assert Credential("api-key", Secret("k 1")) == plugin.find(make_exchange("GET /?a=b&api-key=k%201"))


def test_the_query_is_not_looked_at_unless_it_is_configured() -> None:
    assert build(APIKey).find(make_exchange("GET /?X-API-Key=k-1")) is None


def test_the_header_goes_before_the_query() -> None:
    plugin = build(APIKey, {"query": "key"})

    assert Credential("api-key", Secret("k-1")) == plugin.find(make_exchange("GET /?key=k-2", {"X-API-Key": "k-1"}))


def test_the_endpoint_does_not_see_the_header() -> None:
    exchange = make_exchange(headers={"x-api-key": "k-1", "Accept": "*/*"})

    build(APIKey).conceal(exchange)

    assert [("Accept", "*/*")] == list(exchange.request.headers.items())


@pytest.mark.parametrize("query", ["a=%2F&key=k-1&b=+", "key=k-1&a=%2F&b=+", "a=%2F&b=+&k%65y=k-1&key"])
def test_the_endpoint_does_not_see_the_parameter_and_sees_the_others_as_they_were(query: str) -> None:
    exchange = make_exchange(f"GET /?{query}")

    build(APIKey, {"query": "key"}).conceal(exchange)

    assert "a=%2F&b=+" == exchange.request.query_string


def test_a_key_that_is_forwarded_stays() -> None:
    exchange = make_exchange("GET /?key=k-1", {"X-API-Key": "k-1"})

    build(APIKey, {"query": "key", "forward": True}).conceal(exchange)

    assert ("k-1", "key=k-1") == (exchange.request.headers["X-API-Key"], exchange.request.query_string)


def test_settings_without_a_place_for_the_key_are_refused() -> None:
    with pytest.raises(Exception, match="name the `header` or the `query` parameter"):
        build(APIKey, {"header": ""})


def recognised(key: ApplicationKey, *exchanges: Exchange) -> list[str | None]:
    """Of each exchange the subject that is recognised."""

    async def recognise() -> list[str | None]:
        plugin = build(APIKey, {"query": "key"})
        async with started(plugin, FakeContext(applications=FakeApplications({("api-key", "k-1"): key}))):
            known = [plugin.recognise(exchange) for exchange in exchanges]
            return [None if each is None else each.subject for each in known]

    return asyncio.run(recognise())


def test_a_key_in_the_header_is_recognised() -> None:
    exchanges = [make_exchange(headers=[("X-API-Key", value) for value in values]) for values in (["k-1"], ["k-2"], [])]
    twice = make_exchange(headers=[("X-API-Key", "k-1")] * 2)

    assert ["shop", None, None, None] == recognised(ApplicationKey(SHOP, "api-key", "1"), *exchanges, twice)


@pytest.mark.parametrize(
    "bound", [{"expires": 1.0}, {"expires": 1e12}, {"addresses": (ip_network("10.0.0.0/8"),)}, {"referers": ("a/*",)}]
)
def test_a_key_with_dates_or_bounds_takes_a_closer_look(bound: dict[str, Any]) -> None:
    key = ApplicationKey(SHOP, "api-key", "1", **bound)

    assert [None] == recognised(key, make_exchange(headers={"X-API-Key": "k-1"}))
