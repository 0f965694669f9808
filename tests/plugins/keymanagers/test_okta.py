"""An authorization server of Okta: its tokens let in, its clients and scopes kept by an API token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_keymanagers.okta import Okta
from apim_sdk import ClientRegistration, KeyManagerError, Secret, Unsupported
from support.callouts import running
from support.okta import API_TOKEN, OktaServer
from support.stand_in import GATEWAY, serving_stand_in

SHOP = ClientRegistration("shop", scopes=("orders.read",))


def with_okta(scenario: Callable[[Any, OktaServer], Awaitable[None]], **settings: Any) -> None:
    async def once() -> None:
        async with serving_stand_in(OktaServer()) as server:
            given = {"issuer": server.issuer, "credentials": GATEWAY, "api_token": API_TOKEN, **settings}
            async with running(Okta, {name: value for name, value in given.items() if value}) as manager:
                await scenario(manager, server)

    asyncio.run(once())


def test_its_claims_are_known() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        assert ("cid", "scp") == (manager.client_id_claim, manager.scope_claim)
        assert manager.issues({"iss": server.issuer})
        said = await manager.introspect(server.issue("shop"))
        assert ("shop", ["orders.read"]) == (said["cid"], said["scp"])

    with_okta(scenario)


def test_a_client_for_client_credentials_is_a_service() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        made = await manager.register(SHOP)
        assert "service" == server.clients[made.client_id]["application_type"]
        issued = await manager.token({"grant_type": "client_credentials", "scope": "orders.read"}, made)
        assert {"orders.read"} == issued.scopes

    with_okta(scenario)


def test_a_client_is_read_changed_given_a_new_secret_and_removed() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        made = await manager.register(SHOP)
        assert made.registration == (await manager.client(made)).registration
        web = ClientRegistration("web shop", ("authorization_code",), ("https://shop.example/callback",))
        changed = await manager.update(made, web)
        assert ("web shop", "web") == (changed.registration.name, changed.registration.properties["application_type"])
        renewed = await manager.renew_secret(changed)
        assert made.client_secret == changed.client_secret != renewed.client_secret
        assert Secret(server.clients[made.client_id]["client_secret"]) == renewed.client_secret
        await manager.delete(renewed)
        with pytest.raises(LookupError, match=made.client_id):
            await manager.client(renewed)

    with_okta(scenario)


def test_what_okta_refuses_is_said_in_its_words() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        wrong = ClientRegistration("shop", properties={"application_type": "native"})
        with pytest.raises(KeyManagerError, match=r"E0000001.*not allowed for an application of the type native"):
            await manager.register(wrong)

    with_okta(scenario)


def test_a_wrong_api_token_is_refused() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        with pytest.raises(KeyManagerError) as caught:
            await manager.register(SHOP)
        assert ("E0000011", 401) == (caught.value.error, caught.value.status)
        assert "wrong" not in repr(manager)

    with_okta(scenario, api_token="wrong")


def test_without_an_api_token_no_clients_are_kept() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        with pytest.raises(Unsupported, match="api_token"):
            await manager.register(SHOP)

    with_okta(scenario, api_token=None)


def test_scopes_that_are_missing_are_added() -> None:
    async def scenario(manager: Any, server: OktaServer) -> None:
        await manager.put_scopes({"orders.read": (), "orders.write": ("clerk",)})
        assert {"openid", "orders.read", "orders.write"} == server.scopes
        assert 1 == len([each for each in server.seen if each[0] == "POST" and each[1].endswith("/scopes")])

    with_okta(scenario)
