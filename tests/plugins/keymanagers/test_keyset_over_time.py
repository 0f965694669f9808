"""Keys over hours: how often they are fetched, what an issuer that is away does to them, and rotation under load."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from inspect import isawaitable

import pytest
from apim_auth import jws
from apim_keymanagers.keyset import Keys, KeySet, Loaded
from apim_sdk.testing import FakeLog
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from support.tokens import claims, key, public, signed

HOUR = 3600.0


class Issuer:
    """Publishes keys that a test changes; each fetch takes a while, and is counted with its time."""

    def __init__(self, *names: str, fresh_for: float | None = None, takes: float = 0.0) -> None:
        self.names = list(names)
        self.fresh_for = fresh_for
        self.takes = takes
        self.away = False
        self.asked: list[float] = []

    async def load(self) -> Loaded:
        self.asked.append(asyncio.get_running_loop().time())
        published = tuple(public(name) for name in self.names)
        await asyncio.sleep(self.takes)
        if self.away:
            raise ConnectionError("the issuer is away")
        return Loaded(published, self.fresh_for)


@contextlib.asynccontextmanager
async def kept_fresh(issuer: Issuer, every: float = 600.0) -> AsyncIterator[KeySet]:
    """A key set that has the issuer's keys, and is kept fresh until the block ends."""
    keyset = KeySet(LoopClock())
    keyset.load = issuer.load
    await keyset.refresh()
    task = asyncio.create_task(keyset.keep_fresh(every, FakeLog()))
    try:
        yield keyset
    finally:
        task.cancel()


async def find(keyset: KeySet, key_id: str | None) -> Keys:
    keys = keyset.keys(key_id)
    return await keys if isawaitable(keys) else keys


@pytest.mark.parametrize(
    ("fresh_for", "interval"),
    [(None, 600.0), (120.0, 120.0), (1.0, 60.0), (24 * HOUR, HOUR)],
    ids=["not said", "said", "said too short", "said too long"],
)
def test_keys_are_fetched_as_often_as_the_issuer_says_within_bounds(fresh_for: float | None, interval: float) -> None:
    async def scenario() -> None:
        issuer = Issuer("a", fresh_for=fresh_for)
        async with kept_fresh(issuer):
            await asyncio.sleep(3 * interval + 1)
        assert [0.0, interval, 2 * interval, 3 * interval] == issuer.asked

    run_in_virtual_time(scenario())


def test_an_issuer_that_is_away_for_an_hour_takes_no_key_along() -> None:
    async def scenario() -> None:
        issuer = Issuer("a", "b")
        async with kept_fresh(issuer) as keyset:
            issuer.away = True
            for _ in range(60):
                await asyncio.sleep(60.0)
                assert (public("a"),) == keyset.keys("a")
                assert (public("b"),) == keyset.keys("b")
            assert 1 == keyset.generation
            issuer.away, issuer.names = False, ["c"]
            await asyncio.sleep(601.0)
            assert (public("c"),) == keyset.keys("c")

    run_in_virtual_time(scenario())


def test_an_issuer_that_is_away_is_asked_soon_and_then_less_and_less_often() -> None:
    async def scenario() -> None:
        issuer = Issuer("a")
        async with kept_fresh(issuer, every=100.0):
            issuer.away = True
            await asyncio.sleep(100.0 + 5 + 10 + 20 + 40 + 80 + 100 + 100 + 1)
        assert [0.0, 100.0, 105.0, 115.0, 135.0, 175.0, 255.0, 355.0, 455.0] == issuer.asked

    run_in_virtual_time(scenario())


def test_a_flood_of_made_up_key_ids_costs_no_more_than_the_bucket_holds() -> None:
    async def scenario() -> None:
        issuer = Issuer("a", takes=0.05)
        async with kept_fresh(issuer, every=HOUR) as keyset:
            started = asyncio.get_running_loop().time()
            for second in range(600):
                flood = [find(keyset, f"made-up-{second}-{number}") for number in range(20)]
                assert {()} == set(await asyncio.gather(*flood))
                assert (public("a"),) == keyset.keys("a")
                await asyncio.sleep(1.0)
            passed = asyncio.get_running_loop().time() - started
        assert 5 <= len(issuer.asked) - 1 <= 5 + passed / 30

    run_in_virtual_time(scenario())


def test_under_load_no_token_is_judged_wrongly_while_keys_rotate() -> None:
    """Every half minute the issuer signs by a new key, and publishes the last one for another minute."""
    tokens = {name: jws.parse(signed(claims(), with_key=key(name))) for name in (f"key-{n}" for n in range(11))}

    async def scenario() -> tuple[int, int]:
        issuer = Issuer("key-0", takes=0.2)
        right = wrong = 0
        done = asyncio.Event()

        async def client(pause: float) -> None:
            nonlocal right, wrong
            while not done.is_set():
                name = issuer.names[0]
                try:
                    jws.verify(tokens[name], await find(keyset, name))
                    right += 1
                except jws.InvalidSignature:
                    wrong += 1
                await asyncio.sleep(pause)

        async with kept_fresh(issuer, every=300.0) as keyset:
            clients = [asyncio.create_task(client(0.05 + number / 1000)) for number in range(5)]
            for number in range(1, 11):
                await asyncio.sleep(30.0)
                issuer.names = [f"key-{number}", *issuer.names[:2]]
            done.set()
            await asyncio.gather(*clients)
            with pytest.raises(jws.InvalidSignature):
                jws.verify(tokens["key-0"], await find(keyset, "key-0"))
        return right, wrong

    right, wrong = run_in_virtual_time(scenario())
    assert 0 == wrong
    assert right > 5_000
