"""What may be used once stays used over a reload, in this process or in the store of the newest configuration."""

from __future__ import annotations

import asyncio

import pytest
from apim_auth.http_signature_replay import replay_memory
from apim_sdk.testing import FakeContext, FakeStore


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
            found.append(await memory.first("a nonce", until))
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
        return await (await replay_memory(new, "hmac", "main")).first("a nonce", new.clock.now() + 60)

    assert asyncio.run(scenario())
