"""A tenant of Auth0: its tokens let in, its clients, grants and scopes kept by the Management API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_keymanagers.auth0 import Auth0
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret, Unsupported
from support.auth0 import AUDIENCE, Auth0Server
from support.callouts import running
from support.stand_in import GATEWAY, serving_stand_in

SHOP = ClientRegistration("shop", scopes=("orders.read",))
ASKED = {"grant_type": "client_credentials"}


def with_tenant(scenario: Callable[[Any, Auth0Server], Awaitable[None]], **settings: Any) -> None:
    async def once() -> None:
        async with serving_stand_in(Auth0Server()) as server:
            given = {"issuer": server.issuer, "credentials": GATEWAY, "audience": AUDIENCE, **settings}
            async with running(Auth0, {name: value for name, value in given.items() if value}) as manager:
                await scenario(manager, server)

    asyncio.run(once())


def test_a_new_client_is_granted_the_api() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        made = await manager.register(SHOP)
        assert "non_interactive" == server.clients[made.client_id]["app_type"]
        assert {(made.client_id, AUDIENCE): "orders.read"} == server.grants
        issued = await manager.token(ASKED, made)
        assert {"orders.read"} == issued.scopes
        assert AUDIENCE == server.tokens[issued.access_token.reveal()]["aud"]

    with_tenant(scenario)


def test_a_client_may_be_for_another_api() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        server.apis["urn:other"] = []
        made = await manager.register(ClientRegistration("other", properties={"audience_of_api": "urn:other"}))
        issued = await manager.token(ASKED, made)
        assert "urn:other" == server.tokens[issued.access_token.reveal()]["aud"]

    with_tenant(scenario)


def test_a_client_without_a_grant_gets_no_token() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        server.add_client("old", "its secret")
        old = RegisteredClient("old", Secret("its secret"))
        with pytest.raises(KeyManagerError) as caught:
            await manager.token(ASKED, old)
        assert ("access_denied", 403) == (caught.value.error, caught.value.status)

    with_tenant(scenario)


def test_a_client_is_read_changed_given_a_new_secret_and_removed() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        made = await manager.register(SHOP)
        assert "shop" == (await manager.client(made)).registration.name
        changed = await manager.update(made, ClientRegistration("renamed", scopes=("orders.read",)))
        assert ("renamed", made.client_secret) == (changed.registration.name, changed.client_secret)
        renewed = await manager.renew_secret(changed)
        assert Secret(server.clients[made.client_id]["client_secret"]) == renewed.client_secret
        assert renewed.client_secret != changed.client_secret
        await manager.delete(renewed)
        with pytest.raises(LookupError, match=made.client_id):
            await manager.client(renewed)

    with_tenant(scenario)


def test_a_client_that_is_there_is_taken_over_if_its_secret_is_right() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        server.add_client("old", "its secret", name="old")
        assert Secret("its secret") == (await manager.adopt("old", Secret("its secret"))).client_secret
        assert (None, "old") == ((found := await manager.adopt("old")).client_secret, found.registration.name)
        with pytest.raises(KeyManagerError, match="invalid_client"):
            await manager.adopt("old", Secret("wrong"))
        with pytest.raises(LookupError, match="nobody"):
            await manager.adopt("nobody")

    with_tenant(scenario)


def test_the_gateway_needs_the_scopes_of_the_management_api() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        server.management_scopes = "read:clients"
        with pytest.raises(KeyManagerError) as caught:
            await manager.register(SHOP)
        assert ("insufficient_scope", 403) == (caught.value.error, caught.value.status)
        assert "create:clients" in caught.value.description

    with_tenant(scenario)


def test_a_token_for_the_management_api_that_is_no_longer_taken_is_replaced() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        await manager.register(SHOP)
        server.tokens.clear()
        await manager.register(ClientRegistration("another"))
        assert 2 == sum(path == "/oauth/token" for _, path in server.seen)

    with_tenant(scenario)


def test_scopes_that_are_missing_are_added_to_the_api() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        await manager.put_scopes({"orders.read": (), "orders.write": ()})
        assert ["orders.read", "orders.write"] == [scope["value"] for scope in server.apis[AUDIENCE]]
        assert "Read" == server.apis[AUDIENCE][0]["description"]

    with_tenant(scenario)


def test_it_introspects_nothing() -> None:
    async def scenario(manager: Any, server: Auth0Server) -> None:
        with pytest.raises(Unsupported, match="no introspection_endpoint"):
            await manager.introspect("token")

    with_tenant(scenario)
