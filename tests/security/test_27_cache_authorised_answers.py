"""Threat class 27, authorised answers: what was answered to one caller is given to no other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing import Answer as Reply
from support.cached_gateway import CachedGateway, echo, within


@pytest.mark.parametrize("settings", ["", "scope: application", "scope: public"])
def test_callers_with_different_keys_do_not_share_answers(tmp_path: Path, settings: str) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(X_API_Key=key) for key in ("anna-key", "otto-key")]

    assert [True, True] == within(tmp_path, scenario, settings)


def test_a_caller_without_a_key_gets_nothing_of_those_with_one(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(X_API_Key="anna-key"), await gateway.reaches()]

    for settings in ("", "scope: application", "scope: public"):
        assert [True, True] == within(tmp_path, scenario, settings)


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
@pytest.mark.parametrize("settings", ["", "scope: application", "scope: public"])
def test_users_behind_the_same_key_whom_only_the_backend_tells_apart_do_not_share_answers(
    tmp_path: Path, settings: str, header: str
) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        users: list[dict[str, str]] = [{"X_API_Key": "anna-key", header: f"user={name}"} for name in ("a", "b")]
        return [await gateway.reaches(**user) for user in users]

    assert [True, True] == within(tmp_path, scenario, settings)


def test_the_gateway_still_judges_each_call_before_it_answers_from_the_cache(tmp_path: Path) -> None:
    text_only_keys: dict[str, Any] = {"settings": "scope: public"}

    async def scenario(gateway: CachedGateway) -> list[int]:
        return [(await gateway.ask(X_API_Key=key)).status for key in ("anna-key", "anna-key", "stolen")]

    public = Reply(200, {"Cache-Control": "public, max-age=60"}, "for all")
    assert [200, 200, 401] == within(tmp_path, scenario, text_only_keys["settings"], public)


def test_what_may_be_shared_by_the_backends_word_is_shared_and_holds_nobodys_secrets(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> tuple[list[bool], bytes]:
        reached = [await gateway.reaches(X_API_Key=key) for key in ("anna-key", "otto-key")]
        return reached, (await gateway.ask(X_API_Key="otto-key")).body

    reached, body = within(tmp_path, scenario, "scope: public", echo(Cache_Control="public, max-age=60"))

    assert [True, False] == reached
    assert b"anna-key" not in body


def test_callers_who_come_at_once_do_not_get_each_others_answers(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> set[tuple[str, bytes]]:
        keys = ["anna-key", "otto-key"] * 20
        answers = await asyncio.gather(*(gateway.ask(X_API_Key=key) for key in keys))
        return {
            (key, line)
            for key, answer in zip(keys, answers, strict=True)
            for line in answer.body.split(b"\r\n")
            if line.lower().startswith(b"x-api-key")
        }

    found = within(tmp_path, scenario, "", forward=True)

    assert {("anna-key", b"X-API-Key: anna-key"), ("otto-key", b"X-API-Key: otto-key")} == found


def test_a_cookie_that_the_backend_sets_for_one_is_set_for_nobody_else(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> list[bool]:
        return [await gateway.reaches(), await gateway.reaches()]

    assert [True, True] == within(tmp_path, scenario, "scope: public", echo(Set_Cookie="session=1"))


def test_a_cache_cannot_stand_where_callers_are_not_known_yet(tmp_path: Path) -> None:
    async def scenario(gateway: CachedGateway) -> str:
        entry = "flows: {entry: [{cache: {}}]}\n"
        text = (gateway.served.folder / "apim.yaml").read_text()
        with pytest.raises(Exception, match="wraps the endpoint call") as refused:
            await gateway.served.reload(entry + text)
        return str(refused.value)

    assert "cannot stand in the entry flow" in within(tmp_path, scenario)
