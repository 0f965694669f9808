"""WSO2 Identity Server 7: its tokens let in, and its clients, scopes and roles are kept from here."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.wso2_is import WSO2IS
from apim_keymanagers.wso2_is_scopes import role_name
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret, Unsupported
from apim_sdk.testing import build
from support.authority import Certificates, make_certificates
from support.callouts import CallingContext, running
from support.gateway import run, serving
from support.wso2_is import ADMIN, DCR, RESOURCES, ROLES, WSO2ISServer, wso2_is

Test = Callable[[Any, WSO2ISServer, CallingContext], Awaitable[None]]
SHOP = ClientRegistration("anna_shop_PRODUCTION", ("client_credentials", "password"))


def settings(server: WSO2ISServer, **changes: Any) -> dict[str, Any]:
    good = {
        "url": server.url,
        "api_resource_management_endpoint": server.url + RESOURCES,
        "is7_roles_endpoint": server.url + ROLES,
        "username": ADMIN[0],
        "password": ADMIN[1],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def with_server(**changes: Any) -> Callable[[Test], Callable[[], None]]:
    """Run a test with a server, and a key manager that trusts it."""

    def decorate(test: Test) -> Callable[[], None]:
        def once() -> None:
            async def inside() -> None:
                context = CallingContext()
                async with wso2_is() as server, running(WSO2IS, settings(server, **changes), context) as manager:
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


@pytest.mark.parametrize("missing", ["api_resource_management_endpoint", "is7_roles_endpoint"])
def test_both_management_endpoints_must_be_configured(missing: str) -> None:
    with pytest.raises(Exception, match=missing):
        build(WSO2IS, {name: value for name, value in WSO2IS.example.items() if name != missing})


@pytest.mark.parametrize(
    "changes",
    [
        {"username": None},
        {"password": None},
        {"username": None, "password": None},
        {"identity_user": "apim", "username": None, "password": None},
        {"identity_user": "apim", "tls": {"certificate": "a.pem"}},
    ],
)
def test_the_gateway_is_somebody_there_in_just_one_way(changes: dict[str, Any]) -> None:
    options = {name: value for name, value in {**WSO2IS.example, **changes}.items() if value is not None}
    with pytest.raises(Exception, match="say who the gateway is at the server"):
        build(WSO2IS, options)


def test_the_issuer_follows_from_the_url_unless_it_is_said() -> None:
    assert "https://is.example:9443/oauth2/token" == build(WSO2IS, WSO2IS.example).issuer
    assert "https://login.example" == build(WSO2IS, {**WSO2IS.example, "issuer": "https://login.example"}).issuer


def test_claims_may_get_other_names() -> None:
    manager = build(WSO2IS, {**WSO2IS.example, "claim_mapping": {"groups": "roles"}})

    assert {"roles": ["a"], "sub": "anna"} == manager.claims({"groups": ["a"], "sub": "anna"})


# Clients


@with_server()
async def test_a_client_is_registered_with_its_extensions(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    properties = {
        "ext_application_token_lifetime": 60,
        "ext_user_token_lifetime": "120",
        "ext_refresh_token_lifetime": "N/A",
        "ext_pkce_mandatory": "true",
        "ext_public_client": False,
    }
    made = await manager.register(
        ClientRegistration("shop", ("authorization_code",), ("https://a/1", "https://a/2"), properties=properties)
    )

    expected = {
        "client_name": "shop",
        "grant_types": ["authorization_code"],
        "token_type_extension": "JWT",
        "token_endpoint_auth_method": "client_secret_basic",
        "ext_application_display_name": "shop",
        "ext_allowed_audience": "organization",
        "ext_application_token_lifetime": 60,
        "ext_user_token_lifetime": 120,
        "ext_pkce_mandatory": True,
        "ext_public_client": False,
    }
    kept = server.clients[made.client_id]
    assert expected == {name: value for name, value in kept.items() if name in expected}
    assert "ext_refresh_token_lifetime" not in kept
    assert ("https://a/1", "https://a/2") == made.registration.redirect_uris
    assert (kept["client_secret"], None) == (made.client_secret.reveal(), made.secret_expires)


@with_server()
async def test_settings_may_have_the_names_of_the_developer_portal(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    properties = {
        "application_access_token_expiry_time": "900",
        "pkceMandatory": True,
        "bypassClientCredentials": "false",
    }
    made = await manager.register(ClientRegistration("shop", properties=properties))

    found = server.clients[made.client_id]
    assert [900, True, False] == [
        found[name] for name in ("ext_application_token_lifetime", "ext_pkce_mandatory", "ext_public_client")
    ]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"ext_application_token_lifetime": -1}, "ext_application_token_lifetime is a number of seconds"),
        ({"ext_user_token_lifetime": True}, "ext_user_token_lifetime is a number of seconds"),
        ({"ext_pkce_mandatory": "perhaps"}, "ext_pkce_mandatory is true or false"),
        ({"token_type_extension": "SAML"}, "token_type_extension is JWT or Default"),
        ({"colour": "red"}, "has no setting 'colour' of clients"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_before_the_server_is_asked(
    properties: dict[str, Any], reason: str
) -> None:
    @with_server()
    async def inside(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
        error = await refusal(manager.register(ClientRegistration("shop", properties=properties)))
        assert "invalid_client_metadata" == error.error
        assert reason in error.description
        assert {} == server.clients

    inside()


@with_server()
async def test_each_field_of_the_form_is_one_that_registration_takes(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    made = await manager.register(
        ClientRegistration("shop", properties={field.name: field.default for field in WSO2IS.client_fields})
    )

    assert {field.name: field.default for field in WSO2IS.client_fields} == made.registration.properties


@with_server()
async def test_a_name_that_is_taken_is_refused_in_the_words_of_the_server(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    await manager.register(SHOP)
    error = await refusal(manager.register(SHOP))

    assert (409, "invalid_client_metadata") == (error.status, error.error)
    assert "already exist" in error.description


@with_server()
async def test_a_client_is_shown_changed_and_removed(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    assert made == await manager.client(made)

    changed = await manager.update(made, ClientRegistration(SHOP.name, ("client_credentials",)))
    assert (("client_credentials",), made.client_secret) == (changed.registration.grant_types, changed.client_secret)

    await manager.delete(changed)
    with pytest.raises(LookupError):
        await manager.client(changed)
    await manager.delete(changed)


@with_server()
async def test_a_secret_that_the_server_no_longer_shows_is_not_lost(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)
    server.hides_secrets = True

    assert made.client_secret == (await manager.client(made)).client_secret
    assert made.client_secret == (await manager.update(made, SHOP)).client_secret


@with_server()
async def test_a_client_that_was_registered_elsewhere_is_taken_over_by_its_secret(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    made = await manager.register(SHOP)

    assert made.client_id == (await manager.adopt(made.client_id, made.client_secret)).client_id
    assert (401, "invalid_client") == (
        (error := await refusal(manager.adopt(made.client_id, Secret("guessed")))).status,
        error.error,
    )
    with pytest.raises(LookupError):
        await manager.adopt("nobody", Secret("guessed"))
    server.hides_secrets = True
    assert "does not show" in (await refusal(manager.adopt(made.client_id, made.client_secret))).description


@with_server()
async def test_secrets_cannot_be_renewed(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    with pytest.raises(Unsupported):
        await manager.renew_secret(RegisteredClient("x"))


# Tokens


@with_server()
async def test_a_token_is_issued_introspected_and_revoked(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    client = await manager.register(SHOP)
    issued = await manager.token({"grant_type": "client_credentials", "scope": "a b"}, client)
    token = issued.access_token.reveal()

    assert (frozenset({"a", "b"}), 3600.0, "Bearer") == (issued.scopes, issued.expires_in, issued.token_type)
    found = await manager.introspect(token)
    assert (True, client.client_id, "a b") == (found["active"], found["azp"], found["scope"])
    assert manager.issues(found)

    await manager.revoke(token, client)
    assert {"active": False} == await manager.introspect(token)


@with_server(token_type="Default")
async def test_an_opaque_token_is_introspected(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    client = await manager.register(SHOP)
    issued = await manager.token({"grant_type": "client_credentials"}, client)

    assert "." not in issued.access_token.reveal()
    assert (await manager.introspect(issued.access_token.reveal()))["active"] is True
    assert {"active": False} == await manager.introspect("made up")


@with_server()
async def test_a_refresh_token_lets_nobody_in(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    client = await manager.register(SHOP)
    issued = await manager.token({"grant_type": "password", "username": "anna", "password": "x"}, client)

    assert {"active": False} == await manager.introspect(issued.refresh_token.reveal())


@with_server()
async def test_a_wrong_secret_and_a_wrong_grant_are_refused(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    client = await manager.register(SHOP)
    wrong = RegisteredClient(client.client_id, Secret("guessed"), client.registration)

    error = await refusal(manager.token({"grant_type": "client_credentials"}, wrong))
    assert (401, "invalid_client") == (error.status, error.error)
    assert "guessed" not in str(error)
    error = await refusal(manager.token({"grant_type": "refresh_token"}, client))
    assert (400, "unauthorized_client") == (error.status, error.error)


@with_server()
async def test_the_gateway_itself_gets_no_tokens(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    with pytest.raises(Unsupported, match="is an administrator"):
        await manager.token({"grant_type": "client_credentials"})


@with_server()
async def test_a_user_is_known_by_scim(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    client = await manager.register(SHOP)
    token = (await manager.token({"grant_type": "password", "username": "anna"}, client)).access_token.reveal()

    assert {
        "sub": "u-1",
        "preferred_username": "anna",
        "given_name": "Anna",
        "family_name": "Lee",
        "email": "anna@shop.example",
        "roles": ["everyone"],
    } == await manager.userinfo(token)
    assert 401 == (await refusal(manager.userinfo("made up"))).status


@with_server()
async def test_the_server_says_of_itself_what_it_is(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    assert manager.issuer == (await manager.metadata())["issuer"]


# Scopes and roles


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("admin", "system_primary_admin"),
        ("Internal/everyone", "everyone"),
        ("internal/creator", "creator"),
        ("LDAP/clerk", "system_ldap_clerk"),
    ],
)
def test_roles_have_other_names_there(role: str, expected: str) -> None:
    assert expected == role_name(role)


@with_server()
async def test_scopes_become_permissions_of_one_api_resource(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    await manager.put_scopes({"orders.read": ()})
    await manager.put_scopes({"orders.read": (), "orders.write": ()})
    await manager.put_scopes({})

    (resource,) = server.resources.values()
    assert ["orders.read", "orders.write"] == [scope["name"] for scope in resource["scopes"]]
    assert ("User-defined-oauth2-resource", True) == (resource["identifier"], resource["requiresAuthorization"])


@with_server()
async def test_roles_get_the_scopes_that_are_bound_to_them_and_lose_the_others(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    await manager.put_scopes({"read": (), "write": (), "other": ()})
    server.add_role("system_primary_admin", "read", "other")
    server.add_role("clerk")

    await manager.put_scopes({"read": ("Internal/clerk",), "write": ("admin", "Internal/clerk")})

    assert {"system_primary_admin": ["other", "write"], "clerk": ["read", "write"]} == server.permissions()


@with_server(enable_roles_creation=True)
async def test_missing_roles_are_made_where_that_is_wanted(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    await manager.put_scopes({"read": ("Internal/clerk",), "write": ("Internal/clerk",)})
    assert {"clerk": ["read", "write"]} == server.permissions()

    error = await refusal(manager.put_scopes({"read": ("admin",)}))
    assert (400, "invalidValue") == (error.status, error.error)
    server.refuses_system_roles = False
    await manager.put_scopes({"read": ("admin",)})
    assert ["read"] == server.permissions()["system_primary_admin"]


@with_server()
async def test_missing_roles_are_told_where_they_are_not_made(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    await manager.put_scopes({"read": ("Internal/clerk",)})

    assert {} == server.roles
    assert [["clerk"]] == [line.facts["roles"] for line in context.log.lines if "roles" in line.facts]


@with_server()
async def test_more_roles_than_fit_on_a_page_are_seen(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    for number in range(250):
        server.add_role(f"role-{number}")
    await manager.put_scopes({"read": ("Internal/role-249",)})

    assert ["read"] == server.permissions()["role-249"]


@with_server()
async def test_changes_at_once_do_not_undo_each_other(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    server.add_role("clerk")
    await asyncio.gather(*(manager.put_scopes({f"s{number}": ("Internal/clerk",)}) for number in range(10)))

    assert sorted(f"s{number}" for number in range(10)) == server.permissions()["clerk"]


# Being refused, and being away


@with_server(password="wrong")
async def test_a_wrong_password_is_refused(manager: Any, server: WSO2ISServer, context: CallingContext) -> None:
    for call in (manager.register(SHOP), manager.put_scopes({"a": ()}), manager.introspect("x")):
        error = await refusal(call)
        assert 401 == error.status
        assert "wrong" not in f"{error!r} {error}"


@with_server()
async def test_a_server_that_is_busy_is_asked_once_more_when_it_says(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    server.busy = 1
    made = await manager.register(SHOP)
    assert made.client_id in server.clients
    first, second = server.times[-2:]
    assert second - first >= 0.99

    server.busy = 2
    with pytest.raises(ConnectionError, match="answered with 429"):
        await manager.client(made)
    assert 0 == server.busy


@with_server()
async def test_what_is_no_json_counts_as_being_away(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    server.broken = True

    for call in (manager.register(SHOP), manager.client(RegisteredClient("x")), manager.introspect("x")):
        with pytest.raises(ConnectionError, match="JSON"):
            await call


def test_it_starts_without_a_server() -> None:
    async def inside() -> None:
        context = CallingContext()
        away = settings(WSO2ISServer("http://127.0.0.1:9"))
        async with running(WSO2IS, away, context) as manager:
            with pytest.raises(OSError, match="127"):
                await manager.register(SHOP)
        assert ["A key manager starts without keys"] == [line.event for line in context.log.lines]

    asyncio.run(inside())


# Mutual TLS


def mutual(certificates: Certificates) -> ssl.SSLContext:
    context = certificates.server()
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.mark.parametrize(("user", "expected"), [("apim", None), ("somebody", 401)])
def test_a_certificate_speaks_for_an_administrator(tmp_path: Path, user: str, expected: int | None) -> None:
    certificates = make_certificates(tmp_path)
    tls = {"ca": certificates.ca, "certificate": certificates.certificate, "key": certificates.key}

    async def inside() -> None:
        async with wso2_is(mutual(certificates)) as server:
            options = settings(server, username=None, password=None, identity_user=user, tls=tls)
            async with running(WSO2IS, json.loads(json.dumps(options, default=str))) as manager:
                if expected is None:
                    made = await manager.register(SHOP)
                    assert [made.client_id] == list(server.clients)
                else:
                    assert expected == (await refusal(manager.register(SHOP))).status

    asyncio.run(inside())


# The gateway


def gateway_before(server: WSO2ISServer, authentication: str) -> str:
    return f"""
        egress: {{allow: [127.0.0.0/8, "::1/128"]}}
        management: {{enabled: false}}
        key_managers:
          is:
            wso2-is:
              url: {server.url}
              api_resource_management_endpoint: {server.url}{RESOURCES}
              is7_roles_endpoint: {server.url}{ROLES}
              username: apim
              password: the password of apim
        apis:
          - name: orders
            context: /orders
            endpoint: {{mock: {{body: hello}}}}
            plans: [{{name: gold, authentication: {authentication}}}]
            operations: [{{match: GET /list, scopes: [orders.read]}}]
        applications:
          - name: shop
            keys: [{{client_id: shop}}]
            subscriptions: [{{api: orders, plan: gold}}]
    """


@pytest.mark.parametrize(
    ("authentication", "kind"),
    [("{jwt: {key_manager: is}}", "JWT"), ("{oauth2: {key_manager: is}}", "Default")],
    ids=["jwt", "opaque"],
)
def test_its_tokens_let_in_through_the_gateway(tmp_path: Path, authentication: str, kind: str) -> None:
    async def inside() -> None:
        async with wso2_is() as server:
            for name in ("shop", "other"):
                server.clients[name] = {"client_id": name, "token_type_extension": kind}
            async with serving(gateway_before(server, authentication), tmp_path) as gateway:
                tokens = [
                    server.issue("shop", "orders.read"),
                    server.issue("shop", "orders.write"),
                    server.issue("other", "orders.read"),
                    server.issue("shop", "orders.read", kind="Refresh"),
                    "made.up.token",
                ]
                statuses = [
                    (await gateway.get("/orders/list", Authorization=f"Bearer {each}")).status for each in tokens
                ]
        assert [200, 403, 403, 401, 401] == statuses
        assert ("POST", DCR) not in server.seen

    run(inside)


@with_server()
async def test_introspection_that_does_not_say_whether_a_token_is_active_says_nothing(
    manager: Any, server: WSO2ISServer, context: CallingContext
) -> None:
    client = await manager.register(SHOP)
    token = (await manager.token({"grant_type": "client_credentials"}, client)).access_token.reveal()
    server.tokens[token]["active"] = "yes"

    with pytest.raises(ConnectionError, match="does not answer whether"):
        await manager.introspect(token)
