"""Users of the resident authorization server come in by the passwords that it keeps."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any
from urllib.parse import quote

import pytest
from apim_auth.basic import Basic
from apim_sdk import Principal, Reject
from apim_sdk.testing import FakeContext, FakeStore, build, make_exchange, started
from support.passwords import argon2id

ANNA: Mapping[str, Any] = {"name": "anna", "password": argon2id("anna's"), "roles": ["clerk"], "claims": {}}
SETTINGS: Mapping[str, Any] = {"store": "users", "scopes_by_role": {"clerk": ["orders.read"]}}


async def presented(plugin: Basic, text: str) -> Principal:
    exchange = make_exchange(headers={"Authorization": f"Basic {b64encode(text.encode()).decode()}"})
    credential = plugin.find(exchange)
    assert credential is not None
    principal = plugin.judge(credential, exchange)
    return await principal if isawaitable(principal) else principal


def judge(text: str, entries: Mapping[str, Any], **settings: Any) -> Principal:
    async def once() -> Principal:
        store = FakeStore()
        for key, value in entries.items():
            await store.put(key, value if isinstance(value, bytes) else json.dumps(value).encode())
        async with started(build(Basic, {**SETTINGS, **settings}), FakeContext(stores={"users": store})) as plugin:
            return await presented(plugin, text)

    return asyncio.run(once())


def test_a_user_of_the_store_comes_in_with_roles() -> None:
    expected = Principal("anna", roles=frozenset({"clerk"}), scopes=frozenset({"orders.read"}))

    assert expected == judge("anna:anna's", {"resident/user/anna": ANNA})


@pytest.mark.parametrize("name", ["a/b", "ä b", "a@b.example", "../anna"])
def test_any_name_is_found_under_its_own_key_only(name: str) -> None:
    assert name == judge(f"{name}:anna's", {f"resident/user/{quote(name, safe='@+')}": ANNA}).subject


def test_the_namespace_is_the_operators() -> None:
    assert "anna" == judge("anna:anna's", {"idp/user/anna": ANNA}, namespace="idp").subject


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("anna:wrong", ANNA),
        ("otto:anna's", ANNA),
        (f"{'a' * 201}:anna's", ANNA),
        ("anna:anna's", {**ANNA, "password": None}),
        ("anna:anna's", {**ANNA, "password": "anna's"}),
        ("anna:anna's", {}),
        ("anna:anna's", []),
        ("anna:anna's", b"{"),
    ],
)
def test_anybody_else_is_refused_in_one_way(text: str, entry: Any) -> None:
    with pytest.raises(Reject) as refusal:
        judge(text, {"resident/user/anna": entry})

    assert (401, "no such user, or another password") == (refusal.value.status, refusal.value.detail)


def test_where_the_store_is_away_nothing_can_be_told() -> None:
    async def once() -> None:
        store = FakeStore()
        async with started(build(Basic, SETTINGS), FakeContext(stores={"users": store})) as plugin:
            store.away = True
            await presented(plugin, "anna:anna's")

    with pytest.raises(Reject) as refusal:
        asyncio.run(once())
    assert (503, "900900") == (refusal.value.status, refusal.value.kind.code)


def test_a_user_who_is_removed_is_forgotten() -> None:
    async def scenario() -> None:
        store = FakeStore()
        await store.put("resident/user/anna", json.dumps(ANNA).encode())
        async with started(build(Basic, SETTINGS), FakeContext(stores={"users": store})) as plugin:
            await presented(plugin, "anna:anna's")
            await store.delete("resident/user/anna")
            async with asyncio.timeout(30):
                while await presented(plugin, "anna:anna's"):
                    await asyncio.sleep(0.01)

    with pytest.raises(Reject):
        asyncio.run(scenario())


def test_a_store_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(LookupError, match="nowhere"):
        judge("a:b", {}, store="nowhere")
