"""A client's id in the URLs of management interfaces: it names one client, or nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from apim_keymanagers.auth0 import Auth0
from apim_keymanagers.azure_ad import AzureAD
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.keycloak import Keycloak
from apim_keymanagers.okta import Okta
from apim_keymanagers.wso2_is import WSO2IS
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret
from apim_sdk.testing import FakeContext, FakeFetched, build, started

DOTS = [".", "..", "...", "", " ", ". ."]
OTHERS = ["../users", "a/b", "a%2Fb", "%2e%2e", "a\\b", "..;a", "a\nb", "\x00", "\ud800", "a')/owners('"]
MANAGERS: Mapping[type[Any], Mapping[str, Any]] = {
    Okta: Okta.example,
    Auth0: Auth0.example,
    Keycloak: {"issuer": "https://idp.example/realms/shop", "registration": {"initial_access_token": "of the realm"}},
    WSO2IS: WSO2IS.example,
    AzureAD: AzureAD.example,
}
CALLS = {
    "client": lambda manager, client: manager.client(client),
    "update": lambda manager, client: manager.update(client, ClientRegistration("shop")),
    "delete": lambda manager, client: manager.delete(client),
}


@pytest.mark.parametrize("client_id", DOTS + OTHERS)
def test_an_id_that_a_server_may_read_as_another_place_is_refused(client_id: str) -> None:
    with pytest.raises(KeyManagerError, match=r"^invalid_client: .* may mean something else$"):
        client_segment(client_id)


@pytest.mark.parametrize(
    ("client_id", "segment"),
    [("shop", "shop"), ("..a", "..a"), ("a?b#c", "a%3Fb%23c"), ("shop:1", "shop%3A1"), ("käse", "k%C3%A4se")],
)
def test_any_other_id_is_one_segment(client_id: str, segment: str) -> None:
    assert segment == client_segment(client_id)


@pytest.mark.parametrize("client_id", ["..", "a/../b", "a'b"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", MANAGERS, ids=lambda kind: kind.__name__)
def test_nothing_is_asked_of_a_server_about_such_a_client(kind: type[Any], call: str, client_id: str) -> None:
    async def scenario() -> None:
        context = FakeContext()
        async with started(build(kind, MANAGERS[kind]), context) as manager:
            context.fetched.clear()
            with pytest.raises(KeyManagerError, match="invalid_client"):
                await CALLS[call](manager, RegisteredClient(client_id, Secret("its secret")))
        assert [] == context.fetched

    asyncio.run(scenario())


def test_a_client_that_keycloak_gave_a_place_of_its_own_may_have_any_id() -> None:
    place = "https://idp.example/realms/shop/clients-registrations/openid-connect/1"
    client = RegisteredClient("https://shop.example/", management={"registration_client_uri": place})

    async def scenario() -> None:
        context = FakeContext(fetches={place: FakeFetched(404)})
        async with started(build(Keycloak, MANAGERS[Keycloak]), context) as manager:
            with pytest.raises(LookupError):
                await manager.client(client)

    asyncio.run(scenario())
