"""Threat class 24, at the authorization server: guesses over all users, and what strangers have it keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from support.resident import Resided, residing

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
TV = {"grant_types": [DEVICE], "name": "The television"}
PASSWORD = {"grants": ["password"], "shop": {"grant_types": ["password"]}}
TOKEN = {"Authorization": "Bearer the initial token"}
WEB = {"client_name": "Web", "redirect_uris": ["https://web.example/back"]}


async def register(
    server: Resided, document: Any, path: str = "/register", headers: Mapping[str, str] | None = None
) -> Any:
    fields = {"Content-Type": "application/json", **(headers or {})}
    return await server.ask(f"POST {path}", fields, json.dumps(document).encode())


async def ask(server: Resided) -> Any:
    """For a device code."""
    return await server.form("/device_authorization", client_id="tv", scope="orders.read")


def test_one_password_cannot_be_tried_with_every_user() -> None:
    async def check() -> None:
        async with residing(**PASSWORD) as server:
            for number in range(98):
                server.manager.server.throttle.count(f"user {number}", "203.0.113.7")
            tries = [server.token(grant_type="password", username=f"user{n}", password="Summer26") for n in range(30)]
            statuses = [answer.status for answer in await asyncio.gather(*tries)]
            assert 2 == statuses.count(400)
            assert 30 == statuses.count(400) + statuses.count(429)

    asyncio.run(check())


@pytest.mark.parametrize("path", ["/register", "/client-registration/v0.17/register"])
def test_strangers_register_so_many_clients_an_hour(path: str) -> None:
    async def check() -> None:
        async with residing(registration={"open": True, "open_per_hour": 3}) as server:
            document = {**WEB, "clientName": "Web", "grantType": "client_credentials"}
            answers = [await register(server, document, path) for _ in range(4)]
            assert 429 == answers[3].status
            assert {200, 201} >= {answer.status for answer in answers[:3]}
            assert ("slow_down", "3601") == (answers[3].json["error"], answers[3].headers.get("Retry-After"))
            server.context.clock.advance(3601)
            assert {200, 201} >= {(await register(server, document, path)).status}

    asyncio.run(check())


def test_who_has_shown_something_registers_as_many_as_need_be() -> None:
    async def check() -> None:
        settings = {"open": True, "open_per_hour": 1, "initial_access_token": "the initial token"}
        async with residing(registration=settings) as server:
            assert {201} == {(await register(server, WEB, headers=TOKEN)).status for _ in range(5)}

    asyncio.run(check())


def test_one_address_asks_for_so_many_device_codes_of_a_client() -> None:
    async def check() -> None:
        async with residing(clients={"tv": TV}) as server:
            for _ in range(60):
                assert 200 == (await ask(server)).status
            refused = await ask(server)
            assert (429, "slow_down") == (refused.status, refused.json["error"])
            assert "301" == refused.headers.get("Retry-After")
            server.context.clock.advance(301)
            assert 200 == (await ask(server)).status

    asyncio.run(check())
