"""Tokens that are bound to a key of their client (RFC 9449)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from support.resident import ISSUER, SECRET, VERIFIER, Resided, residing

KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
URL = f"{ISSUER}/token"
NOW = 1_700_000_000


def proof(key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    claims = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "1", **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    fields = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False), **(header or {})}
    given = {name: value for name, value in fields.items() if value is not None}
    return jws.serialize_compact(given, json.dumps(claims), key)


async def ask(server: Resided, made: str | None, **parameters: str) -> Any:
    fields = {"client_id": "shop", "client_secret": SECRET, "grant_type": "client_credentials", **parameters}
    fields = {name: value for name, value in fields.items() if value}
    return await server.form("/token", {} if made is None else {"DPoP": made}, **fields)


def test_a_proof_binds_the_token_to_its_key() -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await ask(server, proof())
            told = await server.introspect(answer.json["access_token"])
            assert ("DPoP", {"jkt": KEY.thumbprint()}, "DPoP") == (
                answer.json["token_type"], told["cnf"], told["token_type"]
            )  # fmt: skip

    asyncio.run(check())


def test_tokens_of_one_client_are_bound_to_the_key_that_each_request_proved_or_to_none() -> None:
    async def check() -> None:
        async with residing() as server:
            proofs = [proof(jti="1"), None, proof(OTHER, jti="2"), proof(jti="3"), None]
            answers = await asyncio.gather(*(ask(server, made) for made in proofs))
            told = [(await server.introspect(answer.json["access_token"])).get("cnf") for answer in answers]
            bound, other = {"jkt": KEY.thumbprint()}, {"jkt": OTHER.thumbprint()}
            assert [bound, None, other, bound, None] == told

    asyncio.run(check())


@pytest.mark.parametrize(
    "changed",
    [
        {"htm": "GET"},
        {"htu": f"{ISSUER}/par"},
        {"iat": NOW - 61},
        {"iat": NOW + 61},
        {"iat": None},
        {"jti": None},
        {"iat": 10**400},
        {"jti": "x" * 1000},
        {"jti": "\ud800"},
        {"header": {"typ": "JWT"}},
        {"header": {"jwk": None}},
        {"header": {"jwk": OTHER.as_dict(private=False)}},
        {"header": {"jwk": KEY.as_dict(private=True)}},
    ],
)
def test_a_proof_that_is_not_in_order_is_refused(changed: dict[str, Any]) -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await ask(server, proof(**changed))
            assert (400, "invalid_dpop_proof") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_a_proof_is_good_once() -> None:
    async def check() -> None:
        async with residing() as server:
            assert [200, 400, 200] == [(await ask(server, made)).status for made in (proof(), proof(), proof(jti="2"))]

    asyncio.run(check())


def test_a_client_may_be_held_to_proofs() -> None:
    async def check() -> None:
        async with residing(shop={"dpop_bound_access_tokens": True}) as server:
            assert "invalid_dpop_proof" == (await ask(server, None)).json["error"]
            assert 200 == (await ask(server, proof())).status

    asyncio.run(check())


def test_the_refresh_token_of_a_public_client_is_bound_to_the_key_too() -> None:
    async def check() -> None:
        app = {"secret": None, "grant_types": ["authorization_code", "refresh_token"]}
        async with residing(shop=app) as server:
            code = {
                "client_secret": "",
                "grant_type": "authorization_code",
                "code": await server.code(scope="orders.read", dpop_jkt=KEY.thumbprint()),
                "redirect_uri": "https://shop.example/back",
                "code_verifier": VERIFIER,
            }
            assert "invalid_grant" == (await ask(server, proof(OTHER, jti="0"), **code)).json["error"]
            got = (await ask(server, proof(), **code)).json
            refresh = {"client_secret": "", "grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
            for made in (None, proof(OTHER, jti="2")):
                assert "invalid_dpop_proof" == (await ask(server, made, **refresh)).json["error"]
            assert "DPoP" == (await ask(server, proof(jti="3"), **refresh)).json["token_type"]

    asyncio.run(check())


@pytest.mark.parametrize("given", [5, {"a": 1}, "verify", None])
def test_what_else_a_key_says_of_itself_breaks_nothing(given: Any) -> None:
    async def check() -> None:
        async with residing() as server:
            made = proof(header={"jwk": {**KEY.as_dict(private=False), "key_ops": given, "use": given}})
            answer = await ask(server, made)
            assert (400, "invalid_dpop_proof") == (answer.status, answer.json["error"])

    asyncio.run(check())
