"""Signing keys: sealed in the store, rotated with overlap, known to every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.signing import KeyRing, r_and_s
from apim_keymanagers.resident.vault import open_vault
from apim_sdk import Secret
from apim_sdk.testing import FakeClock, FakeLog, FakeStore
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import example, given
from hypothesis import strategies as st
from support.resident import residing

DAY = 86_400.0


async def ring(store: FakeStore, clock: FakeClock, **settings: Any) -> KeyRing:
    records = Records(store, "resident")
    terms = {"algorithm": "EdDSA", "every": 90 * DAY, "ahead": DAY, "keep": 3600.0, **settings}
    keys = KeyRing(records, await open_vault(records, None), clock, **terms)
    await keys.load()
    return keys


def ids(keys: KeyRing) -> list[str]:
    return [key["kid"] for key in keys.published]


def test_a_new_key_is_published_before_it_signs_and_an_old_one_until_its_tokens_have_expired() -> None:
    async def check() -> None:
        clock = FakeClock()
        keys = await ring(FakeStore(clock.now), clock)
        (first,) = ids(keys)
        clock.advance(88 * DAY)
        await keys.rotate()
        assert [first] == ids(keys)

        clock.advance(DAY)
        await keys.rotate()
        second = ids(keys)[0]
        assert ([second, first], first) == (ids(keys), keys.signer.public["kid"])

        clock.advance(DAY)
        await keys.rotate()
        assert ([second, first], second) == (ids(keys), keys.signer.public["kid"])
        assert 1 == keys.generation

        clock.advance(3600)
        await keys.rotate()
        assert ([second], 2) == (ids(keys), keys.generation)

    asyncio.run(check())


def test_of_many_processes_one_makes_the_key() -> None:
    async def check() -> None:
        clock = FakeClock()
        store = FakeStore(clock.now)
        rings = await asyncio.gather(*(ring(store, clock) for _ in range(5)))
        assert 1 == len({tuple(ids(keys)) for keys in rings})
        clock.advance(90 * DAY)
        await asyncio.gather(*(keys.rotate() for keys in rings))
        assert {2} == {len(ids(keys)) for keys in rings}
        assert 1 == len({tuple(ids(keys)) for keys in rings})

    asyncio.run(check())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be")


def test_a_process_learns_of_keys_that_another_makes_and_drops() -> None:
    async def check() -> None:
        clock = FakeClock()
        store = FakeStore(clock.now)
        one, other = await ring(store, clock), await ring(store, clock)
        following = asyncio.create_task(other.follow(FakeLog()))
        await asyncio.sleep(0)
        clock.advance(89 * DAY)
        await one.rotate()
        await until(lambda: ids(one) == ids(other) and len(ids(other)) == 2)
        clock.advance(2 * DAY)
        await one.rotate()
        await until(lambda: ids(one) == ids(other) and len(ids(other)) == 1)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(check())


def test_another_algorithm_begins_with_a_key_of_its_own_and_the_old_ones_stay() -> None:
    async def check() -> None:
        clock = FakeClock()
        store = FakeStore(clock.now)
        before = await ring(store, clock)
        after = await ring(store, clock, algorithm="ES256")
        assert ("ES256", ids(before)[0]) == (after.signer.algorithm, ids(after)[1])

    asyncio.run(check())


def test_a_key_that_was_lost_is_replaced_at_once() -> None:
    async def check() -> None:
        clock = FakeClock()
        keys = await ring(FakeStore(clock.now), clock)
        lost = keys.signer.public["kid"]
        await keys.rotate(at_once=True)
        assert lost != keys.signer.public["kid"]

    asyncio.run(check())


def test_private_keys_are_sealed_in_the_store() -> None:
    async def check() -> None:
        async with residing(secret="a long secret of the operator", algorithm="RS256") as server:
            held = b"".join([value async for _, value in server.store.scan("resident/key/")])
            assert b'"d"' not in held
            assert b"a long secret" not in b"".join([value async for _, value in server.store.scan("")])

    asyncio.run(check())


@pytest.mark.parametrize(("first", "second"), [("one", "other"), ("one", None), (None, "one")])
def test_a_store_opens_with_the_secret_that_it_was_made_with(first: str | None, second: str | None) -> None:
    async def check() -> None:
        records = Records(FakeStore(), "resident")
        made = await open_vault(records, first and Secret(first))
        again = await open_vault(records, first and Secret(first))
        assert b"x" == again.open(made.seal(b"x", "place"), "place")
        with pytest.raises(ValueError, match="secret"):
            await open_vault(records, second and Secret(second))

    asyncio.run(check())


def test_what_is_sealed_opens_in_its_own_place_only() -> None:
    async def check() -> None:
        vault = await open_vault(Records(FakeStore(), "resident"), None)
        with pytest.raises(ValueError, match="other"):
            vault.open(vault.seal(b"x", "place"), "other")

    asyncio.run(check())


def test_the_operator_is_told_of_keys_that_are_open_to_others() -> None:
    class Shared(FakeStore):
        shared_by = "network"

    async def warned(**settings: Any) -> int:
        async with residing(Shared(), **settings) as server:
            return sum("not sealed" in line.event for line in server.context.log.lines)

    assert (1, 0) == (asyncio.run(warned()), asyncio.run(warned(secret="of the operator")))


def test_keys_that_cannot_be_looked_after_stay() -> None:
    class Failing(FakeStore):
        async def follow(self, prefix: str) -> AsyncIterator[Any]:
            raise ConnectionError("away")
            yield

    async def check() -> None:
        async with residing(Failing()) as server:
            await until(lambda: any("could not be followed" in line.event for line in server.context.log.lines))
            assert 200 == (await server.token(grant_type="client_credentials")).status

    asyncio.run(check())


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
@example(1, 127)
@example(128, 255)
@example(2**248 - 1, 2**255)
@example(2**256 - 1, 2**247)
def test_r_and_s_have_32_bytes_each_however_small_they_are(r: int, s: int) -> None:
    assert r.to_bytes(32, "big") + s.to_bytes(32, "big") == r_and_s(encode_dss_signature(r, s))
