"""Threat class 16, injection into control events: what is in the store opens only what it may."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore, entry
from support.gateway import Served, run, serving

from apim_core.access.digests import digest_of_key, short
from apim_core.access.written import application_of
from apim_core.config import model as config

TEXT = """
management: {enabled: false}
stores: {main: {held: {}}}
access: {store: main}
apis:
  - name: items
    context: /api
    endpoint: {mock: {body: hello}}
    plans: [{name: keys, authentication: {api-key: {}}}]
    operations: [{match: GET /x}]
applications:
  - {name: shop, keys: [{api-key: "the shop's key"}], subscriptions: [{api: items, plan: keys, id: s1}]}
  - {name: debtor, blocked: true, keys: [{api-key: "the debtor's key"}], subscriptions: [{api: items, plan: keys}]}
  - name: late
    keys: [{api-key: "the late one's key"}]
    subscriptions: [{api: items, plan: keys, state: blocked}]
"""
SHOP = application_of(config.Application("shop")).id
DEBTOR = application_of(config.Application("debtor")).id
LATE = application_of(config.Application("late")).id
THIEF = digest_of_key("api-key", "the thief's key")


@pytest.fixture
def store() -> FakeStore:
    return HeldStore.new()


async def ask(served: Served, key: str) -> tuple[int, str | None]:
    answer = await served.get("/api/x", X_API_Key=key)
    return answer.status, None if answer.status == 200 else answer.json["code"]


async def told(store: FakeStore, served: Served, key: str, value: bytes) -> None:
    """Write an entry, and wait until the gateway has taken in one that was written after it."""
    await store.put(key, value)
    await store.put("access/application/last", entry(name=str(time.monotonic_ns())))
    deadline = time.monotonic() + 5
    last = (await store.get("access/application/last") or b"").decode()
    directory = served.gateway.snapshot and served.gateway.snapshot.assembly.directory
    assert directory is not None
    while (found := directory.application("last")) is None or found.name not in last:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def key_entry(value: str, application: str, **members: Any) -> tuple[str, bytes]:
    digest = digest_of_key("api-key", value)
    return f"access/key/{short(digest)}", entry(application=application, kind="api-key", hash=digest, **members)


WRITTEN = {
    "the application of a file": (f"access/application/{SHOP}", entry(name="shop", blocked=True)),
    "the key of a file": key_entry("the shop's key", "nobody"),
    "the subscription of a file": (
        "access/subscription/s1",
        entry(application=SHOP, api="items", plan="keys", state="blocked"),
    ),
    "another subscription of its application": (
        "access/subscription/s2",
        entry(application=SHOP, api="items", plan="keys", state="blocked"),
    ),
}


@pytest.mark.parametrize(("key", "value"), WRITTEN.values(), ids=WRITTEN)
def test_what_the_configuration_writes_stays(tmp_path: Path, store: FakeStore, key: str, value: bytes) -> None:
    async def scenario() -> None:
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            await told(store, served, key, value)
            assert (200, None) == await ask(served, "the shop's key")

    run(scenario())


OPENING = {
    "unblock an application": (f"access/application/{DEBTOR}", entry(name="debtor"), "the debtor's key", "900907"),
    "subscribe who is blocked": (
        "access/subscription/s3",
        entry(application=LATE, api="items", plan="keys"),
        "the late one's key",
        "900907",
    ),
    "a key under another's id": (
        f"access/key/{'0' * 32}",
        entry(application=SHOP, kind="api-key", hash=THIEF),
        "the thief's key",
        "900901",
    ),
    "a key in the clear": (
        f"access/key/{short(THIEF)}",
        entry(application=SHOP, kind="api-key", value="the thief's key"),
        "the thief's key",
        "900901",
    ),
    "a key of another kind": (
        f"access/key/{short(THIEF)}",
        entry(application=SHOP, kind="basic", hash=THIEF),
        "the thief's key",
        "900901",
    ),
}


@pytest.mark.parametrize(("key", "value", "presented", "code"), OPENING.values(), ids=OPENING)
def test_an_entry_opens_nothing_that_it_may_not(
    tmp_path: Path, store: FakeStore, key: str, value: bytes, presented: str, code: str
) -> None:
    async def scenario() -> None:
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            await told(store, served, key, value)
            assert code == (await ask(served, presented))[1]

    run(scenario())


def test_a_flood_of_bad_entries_is_counted_and_stops_nobody(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            for number in range(500):
                await store.put(f"access/key/{number}", b'{"__class__": "os.system", "args": ["id"]}')
            await told(store, served, "access/../apis/1", b"{}")
            assert (200, None) == await ask(served, "the shop's key")
            assert b"apim_access_refused_entries_total 501.0" in served.gateway.metrics.exposition()

    run(scenario())
