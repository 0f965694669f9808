"""Keys stay fresh, and strangers cannot make us fetch them all the time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.keyset import Key, Keys, KeySet, Loaded, keys_of
from apim_sdk.testing import FakeClock, FakeLog

PROVIDERS = Path(__file__).resolve().parents[3] / "../shared/conformance/oidc-metadata"


def jwk(kid: str | None, **members: Any) -> dict[str, Any]:
    key = {"kty": "RSA", "n": f"n-of-{kid}", "e": "AQAB", **members}
    return key if kid is None else {"kid": kid, **key}


class Provider:
    """An authorization server whose keys a test changes; it counts how often it is asked."""

    def __init__(self, *keys: Key) -> None:
        self.keys: Keys = keys
        self.error: Exception | None = None
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> Loaded:
        """The keys of the moment at which they were asked for, once the gate is open."""
        self.asked += 1
        keys = self.keys
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Loaded(keys)


def with_keys(
    *keys: Key, load: bool = True
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[[], None]]:
    """Run a test with a key set of these keys, their provider and the clock."""

    def decorate(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def run() -> None:
            async def once() -> None:
                clock = FakeClock()
                provider = Provider(*keys)
                keyset = KeySet(clock)
                keyset.load = provider.load
                if load:
                    await keyset.refresh()
                await test(keyset, provider, clock)

            asyncio.run(once())

        run.__name__ = test.__name__
        run.__doc__ = test.__doc__
        return run

    return decorate


async def ask(keyset: KeySet, key_id: str | None) -> list[str | None]:
    keys = keyset.keys(key_id)
    return [key.get("kid") for key in (keys if isinstance(keys, tuple) else await keys)]


@with_keys(jwk("a"), jwk("b"), jwk("a", use="sig"))
async def test_keys_are_found_by_their_id_at_once(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    assert (jwk("b"),) == keyset.keys("b")
    assert (jwk("a"), jwk("a", use="sig")) == keyset.keys("a")


@with_keys(jwk("a"), jwk("b"))
async def test_a_token_that_names_no_key_may_be_by_any(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    assert (jwk("a"), jwk("b")) == keyset.keys(None)


@with_keys(jwk("a"), jwk(None))
async def test_a_key_without_an_id_may_be_any(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    assert (jwk("a"), jwk(None)) == keyset.keys("a")
    assert (jwk(None),) == keyset.keys("b")


@with_keys(jwk("a"))
async def test_a_key_that_is_not_known_is_fetched(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    provider.keys = (jwk("a"), jwk("b"))

    assert ["b"] == await ask(keyset, "b")
    assert 2 == provider.asked


@with_keys(jwk("a"))
async def test_all_who_wait_share_one_fetch(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    provider.keys = (jwk("b"),)
    provider.gate.clear()
    waiting = [asyncio.create_task(ask(keyset, "b")) for _ in range(100)]
    await asyncio.sleep(0)
    provider.gate.set()

    assert [["b"]] * 100 == await asyncio.gather(*waiting)
    assert 2 == provider.asked


@with_keys(jwk("a"))
async def test_a_fetch_that_began_before_a_key_was_there_does_not_tell_that_there_is_none(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    provider.gate.clear()
    on_its_way = asyncio.create_task(keyset.refresh())
    await asyncio.sleep(0)
    provider.keys = (jwk("a"), jwk("b"))
    waiting = [asyncio.create_task(ask(keyset, "b")) for _ in range(100)]
    await asyncio.sleep(0)
    provider.gate.set()

    assert [["b"]] * 100 == await asyncio.gather(*waiting)
    await on_its_way
    assert 3 == provider.asked


@with_keys(jwk("a"))
async def test_made_up_key_ids_during_a_fetch_take_from_the_bucket_too(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    for number in range(20):
        provider.gate.clear()
        on_its_way = asyncio.create_task(keyset.refresh())
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(ask(keyset, f"made-up-{number}-{each}")) for each in range(10)]
        await asyncio.sleep(0)
        provider.gate.set()
        assert [[]] * 10 == await asyncio.gather(*waiting)
        await on_its_way
    assert 1 + 20 + 5 == provider.asked


@with_keys(jwk("a"))
async def test_all_who_ask_before_the_fetch_has_begun_share_it(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    provider.keys = (jwk("b"), jwk("c"))
    asked = [keyset.keys("b") for _ in range(20)]
    asked[0].close()  # type: ignore[union-attr]  # the first goes away before it began
    assert [(jwk("b"),)] * 19 == [await each for each in asked[1:]]  # type: ignore[misc]  # they are all to be awaited
    assert 2 == provider.asked

    for number in range(4):  # which is what is left in the bucket
        assert [] == await ask(keyset, f"made-up-{number}")
    assert 2 + 4 == provider.asked
    assert () == keyset.keys("made-up")


@with_keys(jwk("a"))
async def test_who_finds_the_fetch_to_join_ended_needs_leave_for_another(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    provider.gate.clear()
    on_its_way = asyncio.create_task(keyset.refresh())
    await asyncio.sleep(0)
    asked = [keyset.keys(f"made-up-{number}") for number in range(50)]
    provider.gate.set()
    await on_its_way

    assert [()] * 50 == [await each for each in asked]  # type: ignore[misc]  # they are all to be awaited
    assert 2 + 1 == provider.asked  # one answers for all who had asked before it


@with_keys(jwk("a"))
async def test_who_goes_away_while_waiting_takes_nobody_along(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    provider.keys = (jwk("b"),)
    provider.gate.clear()
    first, second = asyncio.create_task(ask(keyset, "b")), asyncio.create_task(ask(keyset, "b"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    provider.gate.set()

    assert ["b"] == await second


@with_keys(jwk("a"))
async def test_all_who_wait_share_one_failure(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    provider.error = ConnectionError("down")
    provider.gate.clear()
    waiting = [asyncio.create_task(ask(keyset, "b")) for _ in range(100)]
    await asyncio.sleep(0)
    provider.gate.set()

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert {"down"} == {str(outcome) for outcome in outcomes}
    assert 2 == provider.asked


@with_keys(jwk("a"))
async def test_what_was_asked_for_in_vain_is_not_asked_for_again_soon(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    for _ in range(10):
        assert [] == await ask(keyset, "x")
    assert 2 == provider.asked

    clock.advance(61.0)
    provider.keys = (jwk("a"), jwk("x"))
    assert ["x"] == await ask(keyset, "x")


@with_keys(jwk("a"))
async def test_made_up_key_ids_cost_a_few_fetches_and_then_one_each_half_minute(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    for number in range(1000):
        assert [] == await ask(keyset, f"made-up-{number}")
    assert 1 + 5 == provider.asked

    clock.advance(30.0)
    for number in range(1000):
        assert [] == await ask(keyset, f"made-up-too-{number}")
    assert 1 + 5 + 1 == provider.asked


@with_keys(jwk("a"))
async def test_the_last_good_keys_stay_when_a_fetch_fails(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    provider.error = ValueError("no JWK Set")
    with pytest.raises(OSError, match="no JWK Set"):
        await keyset.refresh()

    assert (jwk("a"),) == keyset.keys("a")


@with_keys(load=False)
async def test_without_keys_it_cannot_tell(keyset: KeySet, provider: Provider, clock: FakeClock) -> None:
    provider.error = ConnectionError("down")

    for _ in range(10):
        with pytest.raises(OSError, match="down"):
            await ask(keyset, None)
    assert 5 == provider.asked


@with_keys(jwk("a"), jwk("b"))
async def test_the_generation_moves_when_a_key_goes_or_changes(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    seen = [keyset.generation]
    for keys in [
        (jwk("b"), jwk("a")),
        (jwk("a"), jwk("b"), jwk("c")),
        (jwk("a"), jwk("c")),
        (jwk("a"), jwk("c", n="other")),
    ]:
        provider.keys = keys
        await keyset.refresh()
        seen.append(keyset.generation)

    assert [1, 1, 1, 2, 3] == seen


@with_keys(jwk("a"))
async def test_keys_are_refreshed_in_the_background_though_a_fetch_fails(
    keyset: KeySet, provider: Provider, clock: FakeClock
) -> None:
    log = FakeLog()
    provider.error = ConnectionError("down")
    task = asyncio.create_task(keyset.keep_fresh(0.001, log))
    async with asyncio.timeout(10):
        while len(log.lines) < 2:
            await asyncio.sleep(0)
        provider.error, provider.keys = None, (jwk("b"),)
        while keyset.generation == 1:
            await asyncio.sleep(0)
    task.cancel()

    assert (jwk("b"),) == keyset.keys("b")
    assert {"warning"} == {line.level for line in log.lines}


def test_only_public_keys_for_signatures_are_taken() -> None:
    document = {
        "keys": [
            jwk("private", d="secret", p="secret", q="secret", dp="s", dq="s", qi="s"),
            {"kty": "oct", "kid": "symmetric", "k": "secret"},
            jwk("for-encryption", use="enc"),
            jwk("unknown", kty="AKP"),
            {**jwk("of no text"), "kid": ["a"]},
            {**jwk("of no text"), "kid": {}},
            {**jwk("of no text"), "kid": 1},
            "no key",
            {"kid": "of no type"},
        ]
    }

    assert (jwk("private"),) == keys_of(json.dumps(document).encode())


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"keys": {}}', '{"keys": []}', "\x00", '{"keys": [{"kty": "oct"}]}']
)
def test_what_is_no_set_of_keys_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match=r"no JWK Set|no public key|Expecting value"):
        keys_of(document.encode())


@pytest.mark.skipif(not PROVIDERS.is_dir(), reason="the conformance data is not here")
def test_the_keys_of_real_providers_are_taken() -> None:
    documents = sorted(PROVIDERS.glob("*/jwks.json"))

    assert documents
    for document in documents:
        assert keys_of(document.read_bytes()), document


@pytest.mark.skipif(not PROVIDERS.is_dir(), reason="the conformance data is not here")
def test_over_a_real_history_of_rotation_each_key_is_found_while_it_is_published() -> None:
    history = json.loads((PROVIDERS / "entra-common/jwks-history.json").read_text())
    history.sort(key=lambda moment: moment["date"])

    async def replay() -> int:
        provider = Provider()
        keyset = KeySet(FakeClock())
        keyset.load = provider.load
        for moment in history:
            published = moment["jwks"]["keys"]
            provider.keys = keys_of(json.dumps(moment["jwks"]).encode())
            await keyset.refresh()
            assert {key["kid"] for key in published} == {key["kid"] for key in keyset.keys(None)}
            for key in published:
                assert [key["kid"]] == await ask(keyset, key["kid"])
        return keyset.generation

    kids = [{key["kid"] for key in moment["jwks"]["keys"]} for moment in history]
    rotations = sum(1 for before, after in itertools.pairwise(kids) if before - after)

    assert 40 == len(history)
    assert rotations > 10
    assert rotations < asyncio.run(replay())
