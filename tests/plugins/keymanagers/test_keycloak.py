"""A realm of Keycloak: its tokens let in, its clients kept by the service account of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_keymanagers.keycloak import Keycloak
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret
from support.callouts import running
from support.keycloak import INITIAL_ACCESS_TOKEN, KeycloakServer
from support.stand_in import GATEWAY, serving_stand_in

SHOP = ClientRegistration("shop", scopes=("orders.read",))


def with_realm(scenario: Callable[[Any, KeycloakServer], Awaitable[None]], **settings: Any) -> None:
    async def once() -> None:
        async with serving_stand_in(KeycloakServer()) as server:
            given = {"issuer": server.issuer, "credentials": GATEWAY, **settings}
            async with running(Keycloak, {name: value for name, value in given.items() if value}) as manager:
                await scenario(manager, server)

    asyncio.run(once())


def test_roles_of_the_realm_are_roles_here() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        claims = {"sub": "anna", "realm_access": {"roles": ["clerk"]}, "roles": ["made up"]}
        assert ["clerk"] == manager.claims(claims)["roles"]
        assert "azp" == manager.client_id_claim

    with_realm(scenario)


@pytest.mark.parametrize(
    ("kind", "issued"), [("Bearer", True), ("DPoP", True), ("ID", False), ("Refresh", False), ("Logout", False)]
)
def test_only_access_tokens_are_its_tokens(kind: str, issued: bool) -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        assert issued == manager.issues({"iss": server.issuer, "typ": kind})
        assert not manager.issues({"iss": f"{server.issuer}/other", "typ": kind})

    with_realm(scenario)


def test_an_id_token_is_not_active_at_introspection() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        assert (await manager.introspect(server.issue("shop")))["active"]
        assert {"active": False} == await manager.introspect(server.issue("shop", typ="ID"))

    with_realm(scenario)


def test_a_client_is_kept_by_its_registration_access_token_which_changes() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        made = await manager.register(SHOP)
        changed = await manager.update(made, ClientRegistration("renamed"))
        assert made.management != changed.management
        assert ("renamed", made.client_secret) == (changed.registration.name, changed.client_secret)
        assert "renamed" == server.clients[made.client_id]["client_name"]
        await manager.delete(changed)
        with pytest.raises(LookupError, match=made.client_id):
            await manager.client(changed)

    with_realm(scenario, registration={"initial_access_token": INITIAL_ACCESS_TOKEN}, credentials=None)


def test_a_client_that_was_taken_over_is_kept_by_the_service_account() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        server.add_client("old", "its secret", client_name="old", uuid="u-1")
        adopted = await manager.adopt("old", Secret("its secret"))
        assert "old" == (await manager.client(adopted)).registration.name
        assert "new" == (await manager.update(adopted, ClientRegistration("new"))).registration.name
        renewed = await manager.renew_secret(adopted)
        assert Secret("its secret") != renewed.client_secret
        await manager.token({"grant_type": "client_credentials"}, renewed)
        with pytest.raises(KeyManagerError, match="invalid_client"):
            await manager.token({"grant_type": "client_credentials"}, adopted)
        with pytest.raises(LookupError, match="nobody"):
            await manager.renew_secret(RegisteredClient("nobody"))

    with_realm(scenario)


def test_the_token_of_the_service_account_is_obtained_once() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        for _ in range(3):
            await manager.register(SHOP)
        tokens = [path for method, path in server.seen if path.endswith("/token")]
        assert 1 == len(tokens)

    with_realm(scenario)


def test_a_service_account_without_the_role_is_refused() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        server.roles.clear()
        with pytest.raises(KeyManagerError) as caught:
            await manager.register(SHOP)
        assert ("insufficient_scope", 403) == (caught.value.error, caught.value.status)

    with_realm(scenario)


def test_a_setting_that_keycloak_does_not_know_is_refused_before_it_is_asked() -> None:
    async def scenario(manager: Any, server: KeycloakServer) -> None:
        with pytest.raises(KeyManagerError, match="subject_type: 'sideways' is no choice"):
            await manager.register(ClientRegistration("shop", properties={"subject_type": "sideways"}))
        assert not server.clients.keys() - {GATEWAY["id"]}

    with_realm(scenario)
