"""The resident server as a key manager: what the gateway and a platform do with it, without HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest
from apim_keymanagers.resident.plugin import Resident
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret
from apim_sdk.testing import FakeContext, FakeStore, build, installed
from support.resident import ANN, ISSUER, VERIFIER, Browser, request, residing

from apim_core.config import ConfigErrors


def test_it_is_trusted_by_its_issuer_and_gives_its_keys_at_once() -> None:
    async def check() -> None:
        async with residing() as server:
            manager = server.manager
            (key,) = manager.keys(None)
            issuers = (ISSUER, f"{ISSUER}/")
            assert [True, False] == [manager.issues({"iss": each, "aut": "APPLICATION"}) for each in issuers]
            assert ((key,), ()) == (manager.keys(key["kid"]), manager.keys("unknown"))
            assert 1 == manager.generation

    asyncio.run(check())


def test_a_client_is_registered_used_changed_and_removed() -> None:
    async def check() -> None:
        async with residing() as server:
            manager = server.manager
            client = await manager.register(ClientRegistration("App", scopes=("orders.read",)))
            token = await manager.token({"grant_type": "client_credentials"}, client)
            assert (frozenset({"orders.read"}), 3600) == (token.scopes, token.expires_in)
            assert (await manager.introspect(token.access_token.reveal()))["active"]

            changed = await manager.update(
                client, ClientRegistration("App 2", scopes=("orders.write",), properties={"access_token_lifetime": 60})
            )
            token = await manager.token({"grant_type": "client_credentials"}, changed)
            assert (frozenset({"orders.write"}), 60) == (token.scopes, token.expires_in)
            assert "App 2" == (await manager.client(changed)).registration.name

            await manager.delete(client)
            assert {"active": False} == await manager.introspect(token.access_token.reveal())
            with pytest.raises(LookupError):
                await manager.client(client)

    asyncio.run(check())


def test_a_new_secret_ends_the_old_one_and_its_tokens() -> None:
    async def check() -> None:
        async with residing() as server:
            manager = server.manager
            client = await manager.register(ClientRegistration("App"))
            token = await manager.token({"grant_type": "client_credentials"}, client)
            renewed = await manager.renew_secret(client)
            assert client.client_secret != renewed.client_secret
            with pytest.raises(KeyManagerError, match="invalid_client"):
                await manager.token({"grant_type": "client_credentials"}, client)
            assert {"active": False} == await manager.introspect(token.access_token.reveal())
            new = await manager.token({"grant_type": "client_credentials"}, renewed)
            assert (await manager.introspect(new.access_token.reveal()))["active"]

    asyncio.run(check())


def test_a_client_is_taken_over_with_the_secret_that_it_has() -> None:
    async def check() -> None:
        async with residing() as server:
            taken = await server.manager.adopt("shop", Secret("the secret of the shop"))
            assert "shop" == taken.client_id
            for secret in ("wrong", ""):
                with pytest.raises(KeyManagerError, match="invalid_client"):
                    await server.manager.adopt("shop", Secret(secret))
            with pytest.raises(KeyManagerError, match="invalid_client"):
                await server.manager.adopt("nobody")

    asyncio.run(check())


def test_a_client_of_the_settings_is_changed_there() -> None:
    async def check() -> None:
        async with residing() as server:
            shop = RegisteredClient("shop")
            for change in (server.manager.delete(shop), server.manager.renew_secret(shop)):
                with pytest.raises(KeyManagerError, match="in the settings"):
                    await change

    asyncio.run(check())


def test_a_token_is_revoked_for_its_client_or_for_anybody() -> None:
    async def check() -> None:
        async with residing() as server:
            manager = server.manager
            one, other = [await manager.register(ClientRegistration(name)) for name in ("one", "other")]
            token = (await manager.token({"grant_type": "client_credentials"}, one)).access_token.reveal()
            await manager.revoke(token, other)
            assert (await manager.introspect(token))["active"]
            await manager.revoke(token)
            assert {"active": False} == await manager.introspect(token)

    asyncio.run(check())


def test_scopes_are_made_known() -> None:
    async def check() -> None:
        async with residing(clients={"any": {"secret": "any secret"}}) as server:
            await server.manager.put_scopes({"billing.read": (), "billing.write": ("accountant",)})
            any_client = RegisteredClient("any", Secret("any secret"))
            asked = {"grant_type": "client_credentials", "scope": "billing.read billing.write"}
            token = await server.manager.token(asked, any_client)
            assert frozenset({"billing.read"}) == token.scopes
            assert "billing.write" in (await server.manager.metadata())["scopes_supported"]

    asyncio.run(check())


def test_a_registration_that_is_not_good_is_refused() -> None:
    async def check() -> None:
        async with residing() as server:
            with pytest.raises(KeyManagerError, match="invalid_redirect_uri"):
                await server.manager.register(ClientRegistration("x", ("authorization_code",), ("http://x.example/",)))
            with pytest.raises(KeyManagerError, match="invalid_client_metadata"):
                await server.manager.register(ClientRegistration("x", ("password",)))

    asyncio.run(check())


def test_the_metadata_names_what_is_served() -> None:
    async def check() -> None:
        async with residing() as server:
            metadata = (await server.ask("GET /.well-known/openid-configuration")).json
            assert metadata == (await server.ask("GET /.well-known/oauth-authorization-server")).json
            assert metadata == (await server.ask("GET /.well-known/oauth-authorization-server/oauth2")).json
            assert metadata == await server.manager.metadata()
            for name, url in metadata.items():
                if name.endswith("_endpoint") or name == "jwks_uri":
                    for method in ("GET", "POST"):
                        assert 404 != (await server.ask(f"{method} {url.removeprefix(ISSUER)}")).status
            assert ("registration_endpoint" in metadata, "password" in metadata["grant_types_supported"]) == (
                False,
                False,
            )

    asyncio.run(check())


@pytest.mark.parametrize("path", ["/", "/nothing", "/token/", "/register/x/y", "/.well-known/other"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    async def check() -> None:
        async with residing() as server:
            assert 404 == (await server.ask(f"GET {path}")).status

    asyncio.run(check())


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://idp.example/oauth2"},
        {"issuer": "https://idp.example/oauth2/"},
        {"issuer": "https://idp.example/?a=b"},
        {"issuer": "idp.example"},
        {"token_format": "opaque"},
        {"publish_ahead": "90d"},
        {"grants": ["implicit"]},
        {"users": {"ann": {"password": "swordfish"}}},
        {"clients": {"x": {"redirect_uris": ["http://x.example"]}}},
        {"clients": {"x": {"token_endpoint_auth_method": "client_secret_basic"}}},
    ],
    ids=str,
)
def test_settings_that_are_not_good_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigErrors):
        build(Resident, {"issuer": ISSUER, "store": "main", **wrong})


def test_its_endpoint_is_for_a_resident_key_manager_only() -> None:
    async def check() -> None:
        from apim_keymanagers.authorization_server import AuthorizationServer
        from apim_sdk.testing import FakeKeyManager

        context = FakeContext(key_managers={"main": FakeKeyManager()})
        with pytest.raises(LookupError, match="no `resident`"):
            await build(AuthorizationServer, {"key_manager": "main"}).start(context)

    asyncio.run(check())


def test_users_are_added_to_the_store_with_their_passwords_hashed() -> None:
    async def check() -> None:
        store = FakeStore()
        async with residing(store) as server:
            await server.manager.put_user("bob", Secret("a password of bob"), ("buyer",), {"name": "Bob"})
            (entry,) = [json.loads(value) async for key, value in store.scan("resident/user/bob")]
            assert ("bob", ["buyer"], {"name": "Bob"}) == (entry["name"], entry["roles"], entry["claims"])
            assert entry["password"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
            users = server.manager.server.users
            user = await users.verify("bob", "a password of bob", "::1")
            assert user is not None
            assert ("bob", frozenset({"buyer"})) == (user.name, user.roles)
            for name in ("ann", "", "a\nb", "x" * 300):
                with pytest.raises(KeyManagerError):
                    await server.manager.put_user(name, None)

    asyncio.run(check())


def test_another_password_ends_logins_and_tokens_of_before() -> None:
    async def check() -> None:
        async with residing() as server:
            manager, browser = server.manager, Browser(server)
            await manager.put_user("bob", Secret("first"))
            server.context.clock.advance(5)
            await browser.log_in(request(), "bob", "first")
            back = await browser.send(request(), await browser.get(request()), decision="allow")
            code = {"redirect_uri": "https://shop.example/back", "code_verifier": VERIFIER}
            got = await server.token(grant_type="authorization_code", code=back.answered["code"], **code)
            assert (await server.introspect(got.json["access_token"]))["active"]

            server.context.clock.advance(5)
            await manager.put_user("bob", Secret("second"))
            assert {"active": False} == await server.introspect(got.json["access_token"])
            refresh = await server.token(grant_type="refresh_token", refresh_token=got.json["refresh_token"])
            assert "invalid_grant" == refresh.json["error"]
            assert 403 == (await browser.get(request())).status
            await browser.log_in(request(), "bob", "second")
            assert "Allow" in (await browser.get(request(prompt="consent"))).text

    asyncio.run(check())


def test_another_user_of_the_same_name_has_consented_to_nothing() -> None:
    async def check() -> None:
        async with residing() as server:
            manager, asked = server.manager, request(scope="orders.read")
            for _ in range(2):
                browser = Browser(server)
                await manager.put_user("bob", Secret("first"))
                server.context.clock.advance(1)
                await browser.log_in(asked, "bob", "first")
                page = await browser.get(asked)
                assert "Allow" in page.text
                await browser.send(asked, page, decision="allow")
                assert "code" in (await browser.get(asked)).answered
                await manager.remove_user("bob")

    asyncio.run(check())


def test_a_user_who_is_removed_is_gone_with_all_tokens() -> None:
    async def check() -> None:
        shop = {"grant_types": ["password"]}
        async with residing(shop=shop, grants=["password"]) as server:
            await server.manager.put_user("bob", Secret("first"))
            ask = {"grant_type": "password", "username": "bob", "password": "first"}
            token = (await server.token(**ask)).json["access_token"]
            assert (await server.introspect(token))["active"]
            server.context.clock.advance(1)
            await server.manager.remove_user("bob")
            assert {"active": False} == await server.introspect(token)
            assert 400 == (await server.token(**ask)).status

    asyncio.run(check())


@pytest.mark.parametrize("seconds", [-1, 86_401])
def test_no_token_of_a_client_outlives_its_revocation(seconds: float) -> None:
    async def check() -> None:
        async with residing() as server:
            registration = ClientRegistration("x", properties={"access_token_lifetime": seconds})
            with pytest.raises(KeyManagerError, match="86400"):
                await server.manager.register(registration)

    asyncio.run(check())


def test_its_name_is_its_entry_point() -> None:
    assert Resident is installed("resident").load()
    assert ANN.startswith("$argon2id$")
