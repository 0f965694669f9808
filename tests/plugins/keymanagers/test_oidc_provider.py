"""Against a real, certified authorization server: everything that the `oidc` key manager does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.oidc import OIDC
from apim_keymanagers.registration import SecretKept
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret
from apim_sdk.testing import build, started
from joserfc import jwk
from support.authority import Certificates, make_certificates
from support.callouts import CallingContext
from support.provider import INITIAL_ACCESS_TOKEN, RESOURCE, SECRET, Provider, provider

GATEWAY = {"id": "gateway", "secret": SECRET}
SHOP = RegisteredClient("shop", Secret(SECRET))
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with provider() as server:
        yield server


def with_manager(server: Provider, scenario: Callable[[OIDC], Awaitable[Any]], **settings: Any) -> Any:
    """What a scenario answers, with a key manager that trusts the server."""

    async def once() -> Any:
        context = CallingContext()
        async with started(build(OIDC, {"issuer": server.issuer, **settings}), context) as manager:
            return await scenario(manager)

    return asyncio.run(once())


async def key_ids(manager: OIDC, key_id: str | None = None) -> list[str]:
    keys = manager.keys(key_id)
    return [key["kid"] for key in (await keys if isawaitable(keys) else keys)]


def test_its_metadata_and_keys_are_found_by_its_issuer_alone(server: Provider) -> None:
    async def scenario(manager: OIDC) -> None:
        metadata = await manager.metadata()
        assert f"{server.issuer}/token" == metadata["token_endpoint"]
        assert f"{server.issuer}/token/introspection" == metadata["introspection_endpoint"]
        assert 1 == len(await key_ids(manager))

    with_manager(server, scenario)


def test_a_new_key_is_found_when_a_token_names_it() -> None:
    async def scenario(manager: OIDC) -> None:
        (first,) = await key_ids(manager)
        new, old = await asyncio.to_thread(server.rotate)
        assert first == old
        assert [new] == await key_ids(manager, new)
        assert 1 == manager.generation
        (last,) = await asyncio.to_thread(server.rotate, retire=True)
        assert [last] == await key_ids(manager, last)
        assert [] == await key_ids(manager, old)
        assert 2 == manager.generation

    with provider() as server:
        with_manager(server, scenario)


def test_keys_stay_while_it_is_away() -> None:
    async def scenario(manager: OIDC) -> None:
        (known,) = await key_ids(manager)
        with server.away():
            with pytest.raises(OSError, match="failed"):
                await key_ids(manager, "unknown")
            assert [known] == await key_ids(manager, known)
            with pytest.raises(OSError, match="failed"):
                await manager.introspect("token")

    with provider() as server:
        with_manager(server, scenario, credentials=GATEWAY)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_opaque_token_is_introspected(server: Provider, method: str, signed: bool) -> None:
    token = server.token(opaque=True)

    async def scenario(manager: OIDC) -> None:
        said = await manager.introspect(token)
        assert (True, "shop", "orders.read", server.issuer) == (
            said["active"],
            said["client_id"],
            said["scope"],
            said["iss"],
        )
        assert {"active": False} == await manager.introspect("another")

    credentials = {**GATEWAY, "method": method, "id": "gateway" if method.endswith("basic") else "gateway-post"}
    with_manager(server, scenario, credentials=credentials, signed_introspection=signed)


def test_a_gateway_that_it_does_not_know_may_not_introspect(server: Provider) -> None:
    async def scenario(manager: OIDC) -> None:
        with pytest.raises(KeyManagerError) as caught:
            await manager.introspect("token")
        assert ("invalid_client", 401) == (caught.value.error, caught.value.status)

    with_manager(server, scenario, credentials={"id": "gateway", "secret": "wrong"})


def test_a_token_is_issued_by_client_credentials_and_then_revoked(server: Provider) -> None:
    async def scenario(manager: OIDC) -> None:
        issued = await manager.token({"grant_type": "client_credentials", "scope": "orders.read orders.write"}, SHOP)
        token = issued.access_token.reveal()
        assert ("Bearer", 600.0, {"orders.read", "orders.write"}) == (
            issued.token_type,
            issued.expires_in,
            issued.scopes,
        )
        assert (await manager.introspect(token))["active"]
        await manager.revoke(token, SHOP)
        assert not (await manager.introspect(token))["active"]

    with_manager(server, scenario, credentials=GATEWAY)


def test_a_scope_that_a_client_may_not_have_is_refused_by_its_error(server: Provider) -> None:
    post = ClientRegistration("", token_endpoint_auth_method="client_secret_post")
    shop = RegisteredClient("shop-post", Secret(SECRET), post)

    async def scenario(manager: OIDC) -> None:
        with pytest.raises(KeyManagerError) as caught:
            await manager.token({"grant_type": "client_credentials", "scope": "orders.write"}, shop)
        assert ("invalid_scope", 400) == (caught.value.error, caught.value.status)

    with_manager(server, scenario)


def test_a_token_of_a_user_is_refreshed(server: Provider) -> None:
    web = RegisteredClient("shop-web", Secret(SECRET))
    brought = server.login("anna")

    async def scenario(manager: OIDC) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": brought["refresh_token"]}
        issued = await manager.token(form, web)
        assert {"orders.read"} == issued.scopes
        assert brought["access_token"] != issued.access_token.reveal()
        assert issued.refresh_token is not None
        await manager.revoke(issued.refresh_token.reveal(), web)
        with pytest.raises(KeyManagerError, match="invalid_grant"):
            await manager.token({**form, "refresh_token": issued.refresh_token.reveal()}, web)

    with_manager(server, scenario)


def test_a_refresh_token_is_told_apart_by_the_type_that_it_does_not_have(server: Provider) -> None:
    brought = server.login("anna")

    async def scenario(manager: OIDC) -> None:
        assert "Bearer" == (await manager.introspect(server.token(opaque=True)))["token_type"]
        assert "token_type" not in await manager.introspect(brought["refresh_token"])

    with_manager(server, scenario, credentials=GATEWAY)


def test_a_token_is_exchanged(server: Provider) -> None:
    shop = RegisteredClient("shop-exchange", Secret(SECRET))

    async def scenario(manager: OIDC) -> None:
        subject = await manager.token({"grant_type": "client_credentials"}, shop)
        form = {"grant_type": EXCHANGE, "subject_token": subject.access_token.reveal(), "resource": RESOURCE}
        exchanged = await manager.token({**form, "subject_token_type": ACCESS_TOKEN, "scope": "orders.read"}, shop)
        assert 3 == len(exchanged.access_token.reveal().split("."))
        with pytest.raises(KeyManagerError, match="invalid_grant"):
            await manager.token({**form, "subject_token_type": ACCESS_TOKEN, "subject_token": "made up"}, shop)

    with_manager(server, scenario)


def test_a_client_is_registered_read_changed_and_removed(server: Provider) -> None:
    async def scenario(manager: OIDC) -> None:
        wanted = ClientRegistration("orders app", scopes=("orders.read",), properties={"contacts": ["a@shop.example"]})
        made = await manager.register(wanted)
        assert made.client_secret is not None
        assert ("orders app", ("client_credentials",)) == (made.registration.name, made.registration.grant_types)
        issued = await manager.token({"grant_type": "client_credentials", "scope": "orders.read"}, made)
        assert {"orders.read"} == issued.scopes

        assert made == await manager.client(made)
        changed = await manager.update(made, ClientRegistration("renamed", scopes=("orders.read", "orders.write")))
        assert ("renamed", made.client_secret) == (changed.registration.name, changed.client_secret)
        assert ["a@shop.example"] == changed.registration.properties["contacts"]
        assert made.management != changed.management
        issued = await manager.token({"grant_type": "client_credentials", "scope": "orders.write"}, changed)
        assert {"orders.write"} == issued.scopes

        with pytest.raises(SecretKept) as caught:
            await manager.renew_secret(changed)
        kept = caught.value.client
        assert changed.client_secret == kept.client_secret
        await manager.delete(kept)
        with pytest.raises(LookupError, match=made.client_id):
            await manager.client(kept)
        with pytest.raises(KeyManagerError, match="invalid_client"):
            await manager.token({"grant_type": "client_credentials"}, changed)

    with_manager(server, scenario, registration={"initial_access_token": INITIAL_ACCESS_TOKEN})


@pytest.mark.parametrize(
    ("settings", "registration", "error", "status"),
    [
        ({}, ClientRegistration("app"), "invalid_token", 401),
        ({"initial_access_token": "wrong"}, ClientRegistration("app"), "invalid_token", 401),
        (
            {"initial_access_token": INITIAL_ACCESS_TOKEN},
            ClientRegistration("app", ("authorization_code",), ("not a URL",)),
            "invalid_redirect_uri",
            400,
        ),
        (
            {"initial_access_token": INITIAL_ACCESS_TOKEN},
            ClientRegistration("app", properties={"no_such_setting": True}),
            "invalid_client_metadata",
            400,
        ),
    ],
)
def test_a_registration_that_it_refuses_says_why(
    server: Provider, settings: dict[str, str], registration: ClientRegistration, error: str, status: int
) -> None:
    async def scenario(manager: OIDC) -> None:
        with pytest.raises(KeyManagerError) as caught:
            await manager.register(registration)
        assert (error, status) == (caught.value.error, caught.value.status)

    with_manager(server, scenario, registration=settings)


@pytest.mark.parametrize("client_id", ["shop", "shop-post", "shop-web"])
def test_a_client_that_is_there_is_taken_over_if_its_secret_is_right(server: Provider, client_id: str) -> None:
    async def scenario(manager: OIDC) -> None:
        assert RegisteredClient(client_id) == await manager.adopt(client_id)
        adopted = await manager.adopt(client_id, Secret(SECRET))
        assert (client_id, Secret(SECRET)) == (adopted.client_id, adopted.client_secret)
        with pytest.raises(KeyManagerError, match="invalid_client"):
            await manager.adopt(client_id, Secret("wrong"))

    with_manager(server, scenario)


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_the_gateway_proves_who_it_is_by_a_key(tmp_path: Path, kind: str, form: str) -> None:
    size: Any = {"RSA": 2048, "EC": "P-256", "OKP": "Ed25519"}[kind]
    key = jwk.generate_key(kind, size, {"kid": "gateway-key"})
    file = tmp_path / "key"
    if form == "pem":
        file.write_bytes(key.as_pem(private=True))
    else:
        file.write_text(json.dumps(key.as_dict(private=True)))
    client = {
        "client_id": "gateway-key",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.as_dict(private=False)]},
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "scope": "orders.read",
    }

    async def scenario(manager: OIDC) -> None:
        issued = await manager.token({"grant_type": "client_credentials", "scope": "orders.read"})
        assert (await manager.introspect(issued.access_token.reveal()))["active"]

    credentials = {"id": "gateway-key", "key": str(file), "key_id": "gateway-key"}
    with provider(clients=[client]) as server:
        with_manager(server, scenario, credentials=credentials)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_the_gateway_proves_who_it_is_by_a_certificate(certificates: Certificates) -> None:
    client = {
        "client_id": "gateway-tls",
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=localhost",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
    }
    tls = {name: str(getattr(certificates, name)) for name in ("ca", "certificate", "key")}

    async def scenario(manager: OIDC) -> None:
        assert not (await manager.introspect("token"))["active"]

    with provider(certificates, [client]) as server:
        with_manager(server, scenario, credentials={"id": "gateway-tls"}, tls=tls)
        stranger = make_certificates_of_another(certificates)
        with pytest.raises(KeyManagerError, match="invalid_client"):
            with_manager(server, scenario, credentials={"id": "gateway-tls"}, tls={**tls, **stranger})


def make_certificates_of_another(certificates: Certificates) -> dict[str, str]:
    """A certificate of the same subject that another authority vouches for."""
    folder = certificates.ca.parent / "another"
    folder.mkdir()
    another = make_certificates(folder)
    return {"certificate": str(another.certificate), "key": str(another.key)}
