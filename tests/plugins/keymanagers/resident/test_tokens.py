"""Access tokens: what they say (RFC 9068), ephemeral and persistent, introspection and revocation (RFC 7662, 7009)."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from apim_sdk.testing import FakeContext
from joserfc import jws
from joserfc.jwk import import_key
from support.resident import ISSUER, Resided, residing

SHOP = {"client_id": "shop", "client_secret": "the secret of the shop"}


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unverified."""
    header, claims, _ = (urlsafe_b64decode(part + "===") for part in token.split("."))
    return json.loads(header), json.loads(claims)


async def got(server: Resided, **parameters: str) -> str:
    answer = await server.token(grant_type="client_credentials", **parameters)
    assert 200 == answer.status, answer.text
    return answer.json["access_token"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_token_is_signed_by_a_published_key(algorithm: str) -> None:
    async def check() -> None:
        async with residing(algorithm=algorithm) as server:
            token = await got(server)
            header, _ = read(token)
            keys = {key["kid"]: key for key in (await server.ask("GET /jwks")).json["keys"]}
            assert {"alg": algorithm, "typ": "at+jwt", "kid": header["kid"]} == header
            assert "d" not in keys[header["kid"]]
            jws.deserialize_compact(token, import_key(keys[header["kid"]]), algorithms=[algorithm])

    asyncio.run(check())


def test_a_token_says_what_the_profile_wants() -> None:
    async def check() -> None:
        async with residing(audience=["orders"], shop={"key_type": "SANDBOX"}) as server:
            now = int(server.context.clock.now())
            _, claims = read(await got(server, scope="orders.read"))
            jti = claims.pop("jti")
            assert 22 == len(jti)
            assert {
                "iss": ISSUER, "sub": "shop", "aud": "orders", "client_id": "shop", "azp": "shop", "aut": "APPLICATION",
                "scope": "orders.read", "iat": now, "exp": now + 3600, "keytype": "SANDBOX",
            } == claims  # fmt: skip

    asyncio.run(check())


def test_tokens_of_clients_that_ask_in_turn_say_what_is_their_own() -> None:
    """What is kept of a token's claims is never another client's, or of other scopes, audiences or a bound token."""
    clients = {
        "one": {"secret": "1", "scopes": ["orders.read", "orders.write"], "audience": ["a", "b"]},
        "two": {"secret": "2", "scopes": ["orders.read", "orders.write"], "audience": ["a"], "key_type": "SANDBOX"},
        "red": {"secret": "3", "scopes": ["orders.read", "orders.write"], "audience": ["a"]},
    }
    asked = [
        (name, secret["secret"], scope) for scope in ("orders.read", "orders.write orders.read", "orders.write")
        for name, secret in clients.items()
    ]  # fmt: skip

    async def check() -> None:
        async with residing(clients=clients) as server, residing(clients=clients, issuer=f"{ISSUER}/b") as other:
            for resided in (server, other, server):
                answers = await asyncio.gather(
                    *(got(resided, client_id=name, client_secret=secret, scope=scope) for name, secret, scope in asked)
                )
                told = [read(answer)[1] for answer in answers]
                for claims, (name, _, scope) in zip(told, asked, strict=True):
                    audience = ["a", "b"] if name == "one" else "a"
                    assert (name, name, name, scope) == (
                        claims["client_id"], claims["sub"], claims["azp"], claims["scope"]
                    )  # fmt: skip
                    assert (resided.manager.issuer, audience) == (claims["iss"], claims["aud"])
                    assert ("SANDBOX" if name == "two" else None) == claims.get("keytype")
                    assert "cnf" not in claims
                assert len(asked) == len({claims["jti"] for claims in told})

    asyncio.run(check())


def test_an_ephemeral_token_leaves_nothing_in_the_store() -> None:
    async def check() -> None:
        async with residing() as server:
            before = {key async for key, _ in server.store.scan("")}
            for _ in range(5):
                await got(server)
            assert before == {key async for key, _ in server.store.scan("")}

    asyncio.run(check())


def test_each_request_gets_a_token_of_its_own_unless_they_are_persistent() -> None:
    async def check() -> None:
        async with residing() as server:
            assert await got(server) != await got(server)
        async with residing(tokens="persistent") as server:
            first = await got(server)
            server.context.clock.advance(60)
            assert first == await got(server)
            assert first != await got(server, scope="orders.read")
            server.context.clock.advance(3600)
            assert first != await got(server)

    asyncio.run(check())


def test_a_persistent_token_that_was_revoked_is_not_given_again() -> None:
    async def check() -> None:
        async with residing(tokens="persistent") as server:
            first = await got(server)
            await server.form("/revoke", **SHOP, token=first)
            second = await got(server)
            assert first != second
            assert (await server.introspect(second))["active"]

    asyncio.run(check())


def test_an_opaque_token_is_kept_hashed_and_introspected() -> None:
    async def check() -> None:
        async with residing(tokens="persistent", token_format="opaque") as server:
            token = await got(server)
            held = b"".join([key.encode() + value async for key, value in server.store.scan("")])
            assert token.encode() not in held
            assert "shop" == (await server.introspect(token))["client_id"]
            assert token == await got(server)
            await server.form("/revoke", **SHOP, token=token)
            assert {"active": False} == await server.introspect(token)

    asyncio.run(check())


def test_a_token_that_has_expired_is_not_active() -> None:
    async def check() -> None:
        async with residing(lifetimes={"access_token": "5m"}) as server:
            token = await got(server)
            server.context.clock.advance(300)
            assert {"active": False} == await server.introspect(token)

    asyncio.run(check())


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "." * 1000, "\x00", "é"], ids=repr)
def test_what_is_no_token_is_not_active(token: str) -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await server.form("/introspect", client_id="desk", client_secret="desk secret", token=token)
            assert ({"error", "error_description"} if not token else {"active"}) == set(answer.json)

    asyncio.run(check())


def test_a_token_that_was_changed_is_not_active() -> None:
    async def check() -> None:
        async with residing() as server:
            header, claims, signature = (await got(server)).split(".")
            other = (await got(server, scope="orders.read")).split(".")
            assert {"active": False} == await server.introspect(f"{header}.{other[1]}.{signature}")
            assert {"active": False} == await server.introspect(f"{header}.{claims}.{other[2]}")
            assert {"active": False} == await server.introspect(f"{header}.{claims}.")

    asyncio.run(check())


def test_an_id_token_is_no_access_token() -> None:
    async def check() -> None:
        async with residing() as server:
            from support.resident import VERIFIER

            answer = await server.token(
                grant_type="authorization_code",
                code=await server.code(scope="openid email"),
                redirect_uri="https://shop.example/back",
                code_verifier=VERIFIER,
            )
            header, claims = read(answer.json["id_token"])
            assert ("JWT", "shop", "ann", "ann@example.com") == (
                header["typ"], claims["aud"], claims["sub"], claims["email"]
            )  # fmt: skip
            assert {"active": False} == await server.introspect(answer.json["id_token"])
            bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
            assert {"sub": "ann", "email": "ann@example.com", "roles": ["buyer"]} == (
                await server.ask("GET /userinfo", bearer)
            ).json
            _, access = read(answer.json["access_token"])
            assert "email" not in access

    asyncio.run(check())


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"Authorization": "Bearer x"}, 401), ({"Authorization": "Basic x"}, 401)]
)
def test_userinfo_is_for_bearers_of_tokens(headers: dict[str, str], status: int) -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await server.ask("GET /userinfo", headers)
            assert status == answer.status
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            client = {"Authorization": f"Bearer {await got(server)}"}
            assert 403 == (await server.ask("GET /userinfo", client)).status

    asyncio.run(check())


def test_a_client_is_told_of_its_own_tokens_only_unless_it_may_ask_about_all() -> None:
    async def check() -> None:
        other = {"secret": "other secret"}
        async with residing(clients={"other": other}) as server:
            token = await got(server)
            own = await server.form("/introspect", **SHOP, token=token)
            foreign = await server.form("/introspect", client_id="other", client_secret="other secret", token=token)
            assert (True, {"active": False}) == (own.json["active"], foreign.json)

    asyncio.run(check())


def test_a_client_revokes_its_own_tokens_only() -> None:
    async def check() -> None:
        other = {"secret": "other secret"}
        async with residing(clients={"other": other}) as server:
            token = await got(server)
            answer = await server.form("/revoke", client_id="other", client_secret="other secret", token=token)
            assert (200, True) == (answer.status, (await server.introspect(token))["active"])
            assert 200 == (await server.form("/revoke", **SHOP, token="no such token")).status
            assert 401 == (await server.form("/revoke", token=token)).status

    asyncio.run(check())


def test_what_the_gateway_has_revoked_is_not_active_here() -> None:
    async def check() -> None:
        context = FakeContext()
        async with residing(context=context) as server:
            token = await got(server)
            context.revocations.revoke("shop")
            assert {"active": False} == await server.introspect(token)

    asyncio.run(check())


def test_a_revocation_stands_where_the_gateway_looks_for_it() -> None:
    async def check() -> None:
        async with residing() as server:
            token = await got(server)
            await server.form("/revoke", **SHOP, token=token)
            entries = [json.loads(value) async for _, value in server.store.scan("access/revocation/")]
            assert [("token_id", read(token)[1]["jti"], ISSUER)] == [
                (entry["kind"], entry["value"], entry["issuer"]) for entry in entries
            ]
            server.context.clock.advance(3600 + 301)
            assert [] == [key async for key, _ in server.store.scan("access/revocation/")]

    asyncio.run(check())


def test_while_the_store_is_away_the_server_says_so() -> None:
    async def check() -> None:
        async with residing() as server:
            token = await got(server)
            server.store.away = True
            answer = await server.form("/introspect", client_id="desk", client_secret="desk secret", token=token)
            assert (503, "temporarily_unavailable") == (answer.status, answer.json["error"])
            assert 200 == (await server.token(grant_type="client_credentials")).status

    asyncio.run(check())


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "ann", "password": "swordfish"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unauthorized_client"),
        ({"grant_type": "client_credentials", "scope": "admin"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "no.such"}, "invalid_scope"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_a_token_request_that_is_wrong_is_told_what_is(parameters: dict[str, str], error: str) -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await server.token(**parameters)
            assert (400, error) == (answer.status, answer.json["error"])
            assert ("no-store", "application/json") == (
                answer.headers["Cache-Control"], answer.headers["Content-Type"]
            )  # fmt: skip

    asyncio.run(check())
