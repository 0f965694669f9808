"""PingFederate: its endpoints are known though its metadata does not name them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_keymanagers.ping import Ping
from apim_sdk import ClientRegistration, KeyManagerError
from support.callouts import running
from support.ping import PingServer
from support.stand_in import GATEWAY, serving_stand_in


def with_ping(scenario: Callable[[Any, PingServer], Awaitable[None]], **settings: Any) -> None:
    async def once() -> None:
        async with serving_stand_in(PingServer()) as server:
            given = {"issuer": server.issuer, "credentials": GATEWAY, **settings}
            async with running(Ping, given) as manager:
                await scenario(manager, server)

    asyncio.run(once())


def test_tokens_are_introspected_and_revoked_at_their_usual_places() -> None:
    async def scenario(manager: Any, server: PingServer) -> None:
        token = server.issue("shop")
        said = await manager.introspect(token)
        assert ("shop", ["orders.read"]) == (said[manager.client_id_claim], said[manager.scope_claim])
        await manager.revoke(token)
        assert {"active": False} == await manager.introspect(token)

    with_ping(scenario)


def test_a_client_is_registered_with_an_initial_access_token() -> None:
    async def scenario(manager: Any, server: PingServer) -> None:
        made = await manager.register(ClientRegistration("shop"))
        assert "shop" == server.clients[made.client_id]["client_name"]

    with_ping(scenario, registration={"initial_access_token": "initial-access-token"})


def test_a_registration_without_one_is_refused() -> None:
    async def scenario(manager: Any, server: PingServer) -> None:
        with pytest.raises(KeyManagerError, match="invalid_token: An initial access token is required"):
            await manager.register(ClientRegistration("shop"))

    with_ping(scenario)
