"""What is good once stays used though settings say for how long differ, or change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_auth.hmac import HMAC
from apim_auth.http_signature import HTTPSignature
from apim_auth.lifetimes import Lifetimes
from apim_sdk import Exchange, Reject, errors
from apim_sdk.testing import FakeClock, FakeContext, FakeStore, build, make_exchange
from support.signatures import MADE, draft_signature, nonce_signature

KINDS: dict[type[Any], Any] = {HMAC: draft_signature, HTTPSignature: nonce_signature}
both_kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
here_or_in_a_store = pytest.mark.parametrize("stored", [False, True], ids=["here", "in a store"])


def context(*, stored: bool) -> FakeContext:
    made = FakeContext()
    made.clock.epoch = float(MADE)
    if stored:
        made.stores = {"shared": FakeStore(made.clock.now)}
    return made


def request(kind: type[Any]) -> Exchange:
    return make_exchange("GET /x", [("Host", "api.example"), *KINDS[kind]()])


async def plugin(kind: type[Any], inside: FakeContext, max_age: str) -> Any:
    secret = {"secret": "a secret of sixteen bytes"}
    keys = {"k": secret if kind is HMAC else {"algorithm": "hmac-sha256", **secret}}
    settings = {"keys": keys, "max_age": max_age, "leeway": "0s", **({"once": True} if kind is HMAC else {})}
    built = build(kind, {**settings, **({"store": "shared"} if inside.stores else {})})
    await built.start(inside)
    return built


async def lets_in(made: Any, exchange: Exchange) -> bool:
    try:
        await made.judge(made.find(exchange), exchange)
    except Reject as refused:
        return refused.kind is not errors.INVALID_CREDENTIALS
    return True


@both_kinds
@here_or_in_a_store
def test_a_longer_age_brings_no_signature_back(kind: type[Any], stored: bool) -> None:
    async def scenario() -> None:
        inside = context(stored=stored)
        before = await plugin(kind, inside, "30s")
        assert await lets_in(before, request(kind))
        inside.clock.advance(10)
        after = await plugin(kind, inside, "5m")
        await before.stop()
        for _ in range(300):
            assert not await lets_in(after, request(kind))
            inside.clock.advance(1)

    asyncio.run(scenario())


@both_kinds
@here_or_in_a_store
def test_what_a_plan_took_is_used_as_long_as_another_would_take_it(kind: type[Any], stored: bool) -> None:
    async def scenario() -> None:
        inside = context(stored=stored)
        lasting, brief = await plugin(kind, inside, "5m"), await plugin(kind, inside, "30s")
        inside.clock.advance(1)
        first = request(kind)
        assert await lets_in(brief, first)
        for _ in range(300):
            assert not await lets_in(brief, request(kind))
            assert not await lets_in(lasting, request(kind))
            inside.clock.advance(1)

    asyncio.run(scenario())


def test_the_longest_lifetime_and_the_clock_that_is_most_ahead_count_until_their_plugins_stop() -> None:
    lifetimes = Lifetimes(FakeClock())
    assert 0.0 == lifetimes.window
    leave = [lifetimes.join(30.0, 10.0), lifetimes.join(60.0, 0.0), lifetimes.join(30.0, 10.0)]
    assert (60.0, 10.0, 70.0) == (lifetimes.longest, lifetimes.ahead, lifetimes.window)
    leave[1]()
    leave[0]()
    assert (30.0, 10.0, 40.0) == (lifetimes.longest, lifetimes.ahead, lifetimes.window)


def test_what_was_made_before_lifetimes_got_longer_is_good_for_the_shortest_of_those_since() -> None:
    clock = FakeClock(0.0)
    lifetimes = Lifetimes(clock)
    for lifetime in (30.0, 60.0, 300.0):
        lifetimes.join(lifetime, 0.0)
        clock.advance(10)
    assert [30.0, 30.0, 300.0] == [lifetimes.of(made, 300.0) for made in (0.0, 20.0, 21.0)]
    assert 20.0 == lifetimes.of(0.0, 20.0)
    clock.advance(1_000)
    lifetimes.join(400.0, 0.0)
    assert [300.0, 400.0] == [lifetimes.of(made, 400.0) for made in (1_000.0, 1_031.0)]
