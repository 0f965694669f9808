"""Microsoft Entra ID: its tokens of both versions let in, and applications are registered in its directory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.azure_ad import AzureAD
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret, Unsupported
from apim_sdk.testing import FakeContext, FakeFetched, build, started
from support.callouts import CallingContext, running
from support.entra import CONSUMERS, GATEWAY, OTHER_TENANT, SECRET, TENANT, EntraServer, entra
from support.gateway import run, serving

PUBLISHED = Path(__file__).resolve().parents[3] / "../shared/conformance/oidc-metadata/entra-common"
LOGIN = "https://login.microsoftonline.com"
STS = "https://sts.windows.net"
SHOP = ClientRegistration("shop")
Test = Callable[[Any, EntraServer, CallingContext], Awaitable[None]]


def settings(server: EntraServer, **changes: Any) -> dict[str, Any]:
    good = {
        "tenant": TENANT,
        "client_id": GATEWAY,
        "client_secret": SECRET,
        "login": server.url,
        "sts": f"{server.url}/sts",
        "graph": server.url,
        "polling_initial_delay": "10ms",
        "polling_max_wait": "1s",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def with_server(**changes: Any) -> Callable[[Test], Callable[[], None]]:
    """Run a test with a directory, and a key manager that trusts it."""

    def decorate(test: Test) -> Callable[[], None]:
        def once() -> None:
            async def inside() -> None:
                context = CallingContext()
                async with entra() as server, running(AzureAD, settings(server, **changes), context) as manager:
                    await test(manager, server, context)

            asyncio.run(inside())

        once.__name__, once.__doc__ = test.__name__, test.__doc__
        return once

    return decorate


async def refusal(call: Awaitable[Any]) -> KeyManagerError:
    with pytest.raises(KeyManagerError) as caught:
        await call
    return caught.value


# Configuration


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tenant": "common"}, "'common' mixes the keys of organisations and of personal accounts"),
        ({"tenant": "contoso.onmicrosoft.com"}, "is no tenant: write its id"),
        ({"tenant": TENANT.upper()}, "is no tenant: write its id"),
        ({"client_secret": None}, "write both"),
        ({"tenant": "organizations"}, "applications are registered in one tenant"),
        ({"allowed_tenants": [OTHER_TENANT]}, "`allowed_tenants` are for `tenant: organizations`"),
        ({"tenant": "organizations", "allowed_tenants": ["contoso"], "client_id": None}, "'contoso' is no id"),
        ({"login": f"{LOGIN}/"}, "is no origin"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(changes: dict[str, Any], reason: str) -> None:
    options = {name: value for name, value in {**AzureAD.example, **changes}.items() if value is not None}
    with pytest.raises(Exception, match=reason):
        build(AzureAD, options)


# Issuers


def trusting(tenant: str, *allowed: str) -> AzureAD:
    return build(AzureAD, {"tenant": tenant, "allowed_tenants": list(allowed)})


@pytest.mark.parametrize(
    ("tenant", "allowed", "issuer", "tid", "expected"),
    [
        (TENANT, (), f"{LOGIN}/{TENANT}/v2.0", TENANT, True),
        (TENANT, (), f"{STS}/{TENANT}/", TENANT, True),
        (TENANT, (), f"{STS}/{TENANT}", TENANT, False),
        (TENANT, (), f"{LOGIN}/{TENANT}/v1.0", TENANT, False),
        (TENANT, (), f"{LOGIN}/{OTHER_TENANT}/v2.0", OTHER_TENANT, False),
        (TENANT, (), f"{LOGIN}/{OTHER_TENANT}/v2.0", TENANT, False),
        (TENANT, (), f"{LOGIN}/{TENANT}/v2.0", OTHER_TENANT, False),
        (TENANT, (), f"{LOGIN}/{TENANT}/v2.0", None, False),
        ("organizations", (), f"{LOGIN}/{TENANT}/v2.0", TENANT, True),
        ("organizations", (), f"{STS}/{OTHER_TENANT}/", OTHER_TENANT, True),
        ("organizations", (), f"{LOGIN}/{OTHER_TENANT}/v2.0", TENANT, False),
        ("organizations", (), f"{LOGIN}/{{tenantid}}/v2.0", "{tenantid}", False),
        ("organizations", (), f"{LOGIN}/organizations/v2.0", "organizations", False),
        ("organizations", (), f"{LOGIN}/{CONSUMERS}/v2.0", CONSUMERS, False),
        ("organizations", (TENANT,), f"{LOGIN}/{TENANT}/v2.0", TENANT, True),
        ("organizations", (TENANT,), f"{LOGIN}/{OTHER_TENANT}/v2.0", OTHER_TENANT, False),
        ("consumers", (), f"{LOGIN}/{CONSUMERS}/v2.0", CONSUMERS, True),
        ("consumers", (), f"{LOGIN}/{TENANT}/v2.0", TENANT, False),
    ],
)
def test_the_issuer_of_a_token_is_that_of_its_own_tenant(
    tenant: str, allowed: tuple[str, ...], issuer: str, tid: str | None, expected: bool
) -> None:
    assert expected == trusting(tenant, *allowed).issues({"iss": issuer, "tid": tid})


@pytest.mark.parametrize("claims", [{}, {"iss": None, "tid": TENANT}, {"iss": [f"{STS}/{TENANT}/"], "tid": [TENANT]}])
def test_claims_of_other_shapes_are_nobodys(claims: dict[str, Any]) -> None:
    assert not trusting(TENANT).issues(claims)


def test_the_client_of_a_token_of_version_1_is_its_appid() -> None:
    manager = trusting(TENANT)

    assert "shop" == manager.claims({"appid": "shop", "ver": "1.0"})["azp"]
    assert {"azp": "shop", "ver": "2.0"} == manager.claims({"azp": "shop", "ver": "2.0"})


def test_claims_may_get_other_names() -> None:
    manager = build(AzureAD, {"tenant": TENANT, "claim_mapping": {"roles": "groups", "xms.tier": "tier"}})

    assert {"groups": ["a"], "tier": "gold", "xms": {"tier": "gold"}, "appid": "shop", "azp": "shop"} == manager.claims(
        {"roles": ["a"], "xms": {"tier": "gold"}, "appid": "shop"}
    )


# Keys, as they were published


def published() -> list[dict[str, Any]]:
    if not PUBLISHED.is_dir():
        pytest.skip("the published keys of Entra are not beside this checkout")
    found: list[dict[str, Any]] = json.loads((PUBLISHED / "jwks-history.json").read_text())
    return sorted(found, key=lambda snapshot: str(snapshot["date"]))


async def ids(manager: AzureAD, key_id: str | None = None) -> set[str]:
    keys = manager.keys(key_id)
    return {key["kid"] for key in (await keys if isawaitable(keys) else keys)}


@pytest.mark.parametrize(
    ("tenant", "owner"),
    [("organizations", "{tenantid}"), (TENANT, "{tenantid}"), ("consumers", CONSUMERS)],
)
def test_every_published_rotation_is_followed_and_keys_of_another_tenant_never_count(tenant: str, owner: str) -> None:
    history = published()
    place = f"{LOGIN}/{tenant}/discovery/v2.0/keys"
    fetches: dict[str, FakeFetched] = {}

    def publish(snapshot: dict[str, Any]) -> None:
        fetches[place] = FakeFetched(200, {}, json.dumps(snapshot["jwks"]).encode())

    async def follow() -> None:
        publish(history[0])
        context = FakeContext(fetches=fetches)
        manager = build(AzureAD, {"tenant": tenant})
        async with started(manager, context):
            for snapshot in history:
                publish(snapshot)
                context.clock.advance(120.0)  # a token of a new key comes; the bucket of fetches has filled up
                every = {key["kid"] for key in snapshot["jwks"]["keys"] if "{tenantid}" in key["issuer"]}
                one = {key["kid"] for key in snapshot["jwks"]["keys"]} - every
                usable = every | (one if tenant == "consumers" else set())
                for key_id in sorted(every | one):
                    assert ({key_id} if key_id in usable else set()) == await ids(manager, key_id)
            assert manager.generation > 1
            assert all("alg" not in key for key in manager.keys(None))

    asyncio.run(follow())


def test_keys_that_are_only_anothers_are_as_good_as_none() -> None:
    place = f"{LOGIN}/{TENANT}/discovery/v2.0/keys"
    key = {"kty": "RSA", "kid": "a", "n": "n", "e": "AQAB", "issuer": f"{LOGIN}/{CONSUMERS}/v2.0"}
    context = FakeContext(fetches={place: FakeFetched(200, {}, json.dumps({"keys": [key]}).encode())})

    async def ask() -> None:
        async with started(build(AzureAD, {"tenant": TENANT}), context) as manager:
            with pytest.raises(OSError, match="none of its keys is for tokens that are accepted here"):
                await ids(manager, "a")

    asyncio.run(ask())


# Applications


@with_server()
async def test_a_client_is_an_application_with_its_uri_its_principal_and_a_secret(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)

    (application,) = server.applications.values()
    (credential,) = application["passwordCredentials"]
    assert (made.client_id, [f"api://{made.client_id}"]) == (application["appId"], application["identifierUris"])
    assert [made.client_id] == server.principals
    assert credential["secretText"] == made.client_secret.reveal()
    assert {"object_id": application["id"], "key_id": credential["keyId"]} == made.management
    assert made.secret_expires == pytest.approx(context.clock.epoch + 180 * 86400, abs=1)
    assert {"requestedAccessTokenVersion": 2} == application["api"]


@with_server(token_version="v1.0")
async def test_the_version_of_tokens_can_be_chosen(manager: Any, server: EntraServer, context: CallingContext) -> None:
    made = await manager.register(SHOP)

    assert [{"requestedAccessTokenVersion": 1}] == [each["api"] for each in server.applications.values()]
    token = (await manager.token({"grant_type": "client_credentials"}, made)).access_token.reveal()
    assert 3 == len(token.split("."))


@with_server()
async def test_the_directory_is_waited_for(manager: Any, server: EntraServer, context: CallingContext) -> None:
    server.lag = 2
    made = await manager.register(SHOP)

    issued = await manager.token({"grant_type": "client_credentials"}, made)
    assert (3599.0, "Bearer") == (issued.expires_in, issued.token_type)
    assert [] == context.log.lines
    assert 3 == server.seen.count(("PATCH", f"/v1.0/applications/{made.management['object_id']}"))


@with_server(polling_max_wait="50ms")
async def test_the_directory_is_not_waited_for_for_ever_and_nothing_is_left_in_it(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    server.lag = 1000
    error = await refusal(manager.register(SHOP))

    assert (404, "Request_ResourceNotFound") == (error.status, error.error)
    assert {} == server.applications


@with_server()
async def test_what_is_wrong_for_good_is_not_tried_again(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    error = await refusal(manager.register(ClientRegistration("")))

    assert (400, "Request_BadRequest") == (error.status, error.error)
    assert 1 == server.seen.count(("POST", "/v1.0/applications"))


@pytest.mark.parametrize(
    "registration",
    [
        ClientRegistration("shop", ("authorization_code",)),
        ClientRegistration("shop", ()),
        ClientRegistration("shop", properties={"colour": "red"}),
    ],
)
def test_what_an_application_cannot_have_is_refused_before_the_directory_is_asked(
    registration: ClientRegistration,
) -> None:
    @with_server()
    async def inside(manager: Any, server: EntraServer, context: CallingContext) -> None:
        assert "invalid_client_metadata" == (await refusal(manager.register(registration))).error
        assert {} == server.applications

    inside()


@with_server()
async def test_an_application_is_shown_renamed_and_removed(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    assert made == await manager.client(made)
    without_id = RegisteredClient(made.client_id)
    assert made.management["object_id"] == (await manager.client(without_id)).management["object_id"]

    renamed = await manager.update(made, ClientRegistration("store"))
    assert (["store"], "store") == (
        [each["displayName"] for each in server.applications.values()],
        renamed.registration.name,
    )

    await manager.delete(made)
    assert ({}, []) == (server.applications, server.principals)
    await manager.delete(made)
    with pytest.raises(LookupError):
        await manager.client(made)


@with_server()
async def test_the_current_secret_goes_on_working_beside_a_new_one_and_older_ones_make_place(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    first = await manager.register(SHOP)
    second = await manager.renew_secret(first)
    (application,) = server.applications.values()
    assert [first.client_secret.reveal(), second.client_secret.reveal()] == secrets_of(application)

    third = await manager.renew_secret(second)
    assert [second.client_secret.reveal(), third.client_secret.reveal()] == secrets_of(application)

    assert "7000215" in str(await refusal(manager.token({"grant_type": "client_credentials"}, first)))
    for client in (second, third):
        assert (await manager.token({"grant_type": "client_credentials"}, client)).access_token.reveal()


def secrets_of(application: dict[str, Any]) -> list[str]:
    return [each["secretText"] for each in application["passwordCredentials"]]


@with_server()
async def test_a_secret_that_nobody_remembers_makes_place_for_the_newest(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    first = await manager.register(SHOP)
    second = await manager.renew_secret(first)
    third = await manager.renew_secret(RegisteredClient(first.client_id))

    (application,) = server.applications.values()
    assert [second.client_secret.reveal(), third.client_secret.reveal()] == secrets_of(application)


# Tokens


@with_server()
async def test_a_token_is_for_the_applications_own_interface(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    await manager.token({"grant_type": "client_credentials"}, made)

    error = await refusal(manager.token({"grant_type": "client_credentials", "scope": "orders.read"}, made))
    assert (400, "invalid_scope") == (error.status, error.error)
    error = await refusal(manager.token({"grant_type": "password"}, made))
    assert "unsupported_grant_type" == error.error


@with_server()
async def test_a_wrong_secret_is_refused_without_being_told(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    wrong = RegisteredClient(made.client_id, Secret("guessed"))

    error = await refusal(manager.token({"grant_type": "client_credentials"}, wrong))
    assert (401, "invalid_client") == (error.status, error.error)
    assert "guessed" not in f"{error} {error!r}"


@with_server()
async def test_what_entra_cannot_do_is_unsupported(manager: Any, server: EntraServer, context: CallingContext) -> None:
    for call in (
        manager.introspect("x"),
        manager.revoke("x"),
        manager.adopt("x"),
        manager.put_scopes({"a": ()}),
    ):
        with pytest.raises(Unsupported):
            await call


@with_server(client_id=None, client_secret=None)
async def test_without_an_application_of_its_own_the_gateway_registers_none(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    with pytest.raises(Unsupported, match="has no application of its own"):
        await manager.register(SHOP)


@with_server()
async def test_the_server_says_of_itself_what_it_is(manager: Any, server: EntraServer, context: CallingContext) -> None:
    assert f"{server.url}/{TENANT}/v2.0" == (await manager.metadata())["issuer"]


# Being refused


@with_server(client_secret="wrong")
async def test_a_gateway_that_cannot_prove_who_it_is_is_refused(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    assert "AADSTS700016" in (await refusal(manager.register(SHOP))).description


@with_server()
async def test_a_gateway_without_the_permission_is_refused(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    server.forbidden = True
    error = await refusal(manager.register(SHOP))

    assert (403, "Authorization_RequestDenied") == (error.status, error.error)


@with_server()
async def test_a_token_that_graph_no_longer_takes_is_replaced(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    server.graph_tokens.clear()

    assert made.client_id == (await manager.client(made)).client_id


@with_server()
async def test_graph_that_is_busy_is_asked_once_more(
    manager: Any, server: EntraServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    server.busy = 1
    assert made.client_id == (await manager.client(made)).client_id

    server.busy = 2
    with pytest.raises(ConnectionError, match="answered with 429"):
        await manager.client(made)


# The gateway


def test_tokens_of_both_versions_let_in_through_the_gateway(tmp_path: Path) -> None:
    async def inside() -> None:
        async with entra() as server:
            text = f"""
                egress: {{allow: [127.0.0.0/8]}}
                management: {{enabled: false}}
                key_managers:
                  entra:
                    azure-ad:
                      tenant: organizations
                      allowed_tenants: [{TENANT}, {CONSUMERS}]
                      login: {server.url}
                      sts: {server.url}/sts
                apis:
                  - name: orders
                    context: /orders
                    endpoint: {{mock: {{body: hello}}}}
                    plans: [{{name: gold, authentication: {{jwt: {{key_manager: entra}}}}}}]
                    operations: [{{match: GET /list, scopes: [orders.read]}}]
                applications:
                  - name: shop
                    keys: [{{client_id: shop}}]
                    subscriptions: [{{api: orders, plan: gold}}]
            """
            async with serving(text, tmp_path) as gateway:
                expected = [
                    (200, server.issue("shop", "2.0", scp="orders.read profile")),
                    (200, server.issue("shop", "1.0", scp="orders.read")),
                    (403, server.issue("shop", "2.0", scp="profile")),
                    (403, server.issue("shop", "2.0", scp=None, roles=["orders.read"])),
                    (403, server.issue("stranger", "1.0", scp="orders.read")),
                    (401, server.issue("shop", "2.0", OTHER_TENANT, scp="orders.read")),
                    (401, server.issue("shop", "2.0", scp="orders.read", tid=OTHER_TENANT)),
                    (401, server.issue("shop", "2.0", CONSUMERS, scp="orders.read")),
                ]
                found = [
                    (await gateway.get("/orders/list", Authorization=f"Bearer {token}")).status for _, token in expected
                ]
                assert [status for status, _ in expected] == found

    run(inside)
