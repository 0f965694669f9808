"""A key may be bound to addresses and pages, and to a time."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network
from typing import Any

import attrs
import pytest
from apim_auth.api_key import APIKey
from apim_auth.api_key_bounds import refers
from apim_sdk import Application, ApplicationKey, Client, Exchange, Principal, Reject
from apim_sdk.errors import INVALID_CREDENTIALS
from apim_sdk.testing import FakeApplications, FakeContext, build, make_exchange, started
from hypothesis import given
from hypothesis import strategies as st

SHOP = Application("shop", "1")
KEY = ApplicationKey(SHOP, "api-key", "id-1")
NOW = 1_000.0


def judged(exchange: Exchange, **bounds: Any) -> Principal:
    context = FakeContext(applications=FakeApplications({("api-key", "k-1"): attrs.evolve(KEY, **bounds)}))
    context.clock.epoch = NOW

    async def judge() -> Principal:
        async with started(build(APIKey), context) as plugin:
            credential = plugin.find(exchange)
            assert credential is not None
            return plugin.judge(credential, exchange)

    return asyncio.run(judge())


def request(address: str = "203.0.113.7", **headers: str) -> Exchange:
    return make_exchange(headers={"X-API-Key": "k-1", **headers}, client=Client(ip_address(address)))


def test_a_key_that_has_expired_is_refused() -> None:
    with pytest.raises(Reject) as refusal:
        judged(request(), expires=NOW)

    assert INVALID_CREDENTIALS == refusal.value.kind


def test_a_key_is_good_until_it_expires() -> None:
    assert NOW + 1 == judged(request(), expires=NOW + 1).expires


def test_the_type_of_the_key_is_that_of_the_principal() -> None:
    assert "sandbox" == judged(request(), key_type="sandbox").key_type


def test_what_changes_of_a_key_counts_at_once() -> None:
    applications = FakeApplications({("api-key", "k-1"): KEY})
    exchange = request()

    async def scenario() -> list[Any]:
        seen = []
        async with started(build(APIKey), FakeContext(applications=applications)) as plugin:
            credential = plugin.find(exchange)
            assert credential is not None
            assert plugin.judge(credential, exchange) is plugin.judge(credential, exchange)
            for key in (
                KEY,
                attrs.evolve(KEY, key_type="sandbox"),
                attrs.evolve(KEY, expires=1e12),
                attrs.evolve(KEY, application=Application("store", "2")),
            ):
                applications.keys["api-key", "k-1"] = key
                principal = plugin.judge(credential, exchange)
                seen.append((principal.application, principal.key_type, principal.expires))
        return seen

    assert [
        (SHOP, "production", None),
        (SHOP, "sandbox", None),
        (SHOP, "production", 1e12),
        (Application("store", "2"), "production", None),
    ] == asyncio.run(scenario())


@pytest.mark.parametrize("address", ["203.0.113.7", "198.51.100.1", "2001:db8:1::9"])
def test_a_key_is_good_at_its_addresses(address: str) -> None:
    networks = tuple(map(ip_network, ("203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48")))

    assert SHOP == judged(request(address), addresses=networks).application


def test_a_key_is_forbidden_from_another_address() -> None:
    with pytest.raises(Reject) as refusal:
        judged(request("203.0.113.8"), addresses=(ip_network("203.0.113.7"),))

    assert (403, "900908", "API_KEY_RESTRICTED") == (
        refusal.value.status,
        refusal.value.kind.code,
        refusal.value.kind.key,
    )


def test_an_address_that_the_client_wrote_itself_does_not_count() -> None:
    exchange = request("203.0.113.8", **{"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"})

    with pytest.raises(Reject):
        judged(exchange, addresses=(ip_network("203.0.113.7"),))


def test_a_key_is_good_on_its_pages_only() -> None:
    assert SHOP == judged(request(Referer="https://www.a.com/p?x"), referers=("b.com/*", "www.a.com/p")).application
    for headers in ({"Referer": "https://www.a.com/q"}, {}):
        with pytest.raises(Reject) as refusal:
            judged(request(**headers), referers=("www.a.com/p",))
        assert 403 == refusal.value.status


def test_two_referers_are_none() -> None:
    fields = [("X-API-Key", "k-1"), ("Referer", "https://a.com/"), ("Referer", "https://a.com/")]

    with pytest.raises(Reject):
        judged(make_exchange(headers=fields), referers=("a.com/",))


@pytest.mark.parametrize(
    ("pattern", "referer"),
    [
        ("www.a.com/p", "https://www.a.com/p"),
        ("www.a.com/p", "http://WWW.A.com/p?query#part"),
        ("www.a.com/", "https://www.a.com"),
        ("www.a.com", "https://www.a.com/"),
        ("sub.b.com/*", "https://sub.b.com/any/page"),
        ("sub.b.com/*", "https://sub.b.com"),
        ("*.c.com/*", "https://x.c.com/any"),
        ("*.c.com/*", "https://x.y.c.com/"),
        ("*.c.com/start", "https://x.c.com/start"),
        ("a.com:8443/*", "https://a.com:8443/p"),
    ],
)
def test_a_page_is_one_of_the_pattern(pattern: str, referer: str) -> None:
    assert refers(pattern, referer)


@pytest.mark.parametrize(
    ("pattern", "referer"),
    [
        ("www.a.com/p", "https://www.a.com/p/"),
        ("www.a.com/p", "https://www.a.com/P"),
        ("www.a.com/p", "https://a.com/p"),
        ("sub.b.com/*", "https://sub.b.com.evil.example/"),
        ("sub.b.com/*", "https://evil.example/sub.b.com/"),
        ("sub.b.com/*", "https://sub.b.com@evil.example/"),
        ("sub.b.com/*", "https://sub.b.com:8443/"),
        ("sub.b.com/*", "sub.b.com/p"),
        ("sub.b.com/*", "javascript://sub.b.com/p"),
        ("sub.b.com/*", ""),
        ("sub.b.com/*", "https://["),
        ("*.c.com/*", "https://c.com/"),
        ("*.c.com/*", "https://.c.com/"),
        ("*.c.com/*", "https://evilc.com/"),
        ("*.c.com/*", "https://evil.example/x.c.com/"),
    ],
)
def test_a_page_is_not_one_of_the_pattern(pattern: str, referer: str) -> None:
    assert not refers(pattern, referer)


@given(st.text())
def test_no_text_fails(referer: str) -> None:
    assert isinstance(refers("a.com/*", referer), bool)
