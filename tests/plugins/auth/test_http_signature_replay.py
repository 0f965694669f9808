"""What may be used once stays used over a reload, in this process or in the store of the newest configuration."""

from __future__ import annotations

import asyncio

import pytest
from apim_auth.http_signature_replay import replay_memory
from apim_sdk.testing import FakeContext, FakeStore, make_exchange


def after_reload(store: FakeStore | None, new_store: FakeStore | None) -> tuple[bool, bool]:
    """Whether a nonce is good before a reload, and after it."""

    async def uses() -> tuple[bool, bool]:
        old = FakeContext(stores={} if store is None else {"main": store})
        new = FakeContext(stores={} if new_store is None else {"main": new_store})
        new._shared = old._shared
        until = old.clock.now() + 60
        found = []
        for context in (old, new):
            memory = await replay_memory(context, "hmac", "main" if context.stores else None)
            found.append(await memory.first("k", "a nonce", until, make_exchange()))
        return found[0], found[1]

    return asyncio.run(uses())


@pytest.mark.parametrize("store", [None, FakeStore()])
def test_what_was_used_before_a_reload_is_used_after_it(store: FakeStore | None) -> None:
    assert (True, False) == after_reload(store, store)


def test_a_reload_that_names_another_store_turns_to_that() -> None:
    closed, other = FakeStore(), FakeStore()

    async def scenario() -> bool:
        old, new = FakeContext(stores={"main": closed}), FakeContext(stores={"main": other})
        new._shared = old._shared
        await replay_memory(old, "hmac", "main")
        closed.away = True  # as one is whose last configuration has ended
        memory = await replay_memory(new, "hmac", "main")
        return await memory.first("k", "a nonce", new.clock.now() + 60, make_exchange())

    assert asyncio.run(scenario())


def memories(store: FakeStore | None) -> tuple[FakeContext, FakeContext]:
    """The contexts of two plans of one process."""
    stores = {} if store is None else {"main": store}
    gold, silver = (FakeContext(stores=stores, place=f"plans/{name}") for name in ("gold", "silver"))
    silver._shared = gold._shared
    return gold, silver


@pytest.mark.parametrize("store", [None, FakeStore()])
@pytest.mark.parametrize(("same", "expected"), [(False, False), (True, True)], ids=["a replay", "the same request"])
def test_what_one_plan_has_taken_is_good_for_another_in_the_same_request_only(
    store: FakeStore | None, same: bool, expected: bool
) -> None:
    async def scenario() -> list[bool]:
        exchange, found = make_exchange(), []
        for context in memories(store):
            memory = await replay_memory(context, "hmac", None if store is None else "main")
            found.append(await memory.first("k", f"{same}", context.clock.now() + 60, exchange))
            exchange = exchange if same else make_exchange()
        return found

    assert [True, expected] == asyncio.run(scenario())


def test_a_request_uses_up_what_it_brings_in_every_store_that_is_asked() -> None:
    async def scenario() -> bool:
        exchange = make_exchange()
        until = FakeContext().clock.now() + 60
        other = await replay_memory(FakeContext(stores={"main": FakeStore()}), "hmac", "main")
        for memory in (await replay_memory(FakeContext(), "hmac", None), other):
            assert await memory.first("k", "a nonce", until, exchange)
        return await other.first("k", "a nonce", until, make_exchange())

    assert not asyncio.run(scenario())
