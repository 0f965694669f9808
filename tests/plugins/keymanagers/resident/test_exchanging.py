"""Token exchange (RFC 8693) and JWT bearer assertions (RFC 7523): whose tokens are taken, and what for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_sdk.testing import FakeKeyManager
from joserfc import jwt
from joserfc.jwk import ECKey
from support.resident import ISSUER, Resided, residing

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT = "urn:ietf:params:oauth:token-type:jwt"
KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
"""Of a trusted issuer, and of one that is not."""
IDP = "https://idp.example"
NOW = 1_700_000_000
SHOP = {"grant_types": [EXCHANGE, BEARER, "client_credentials"], "scopes": ["orders.read", "orders.write"]}


def foreign(key: Any = KEY, **changed: Any) -> str:
    claims = {"iss": IDP, "sub": "zoe", "aud": ISSUER, "exp": NOW + 600, "iat": NOW, "jti": "1", **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256"}, claims, key)


def trusting(trusted: Any = None, **settings: Any) -> Any:
    manager = FakeKeyManager(KEY.as_dict(private=False), issuer=IDP)
    return residing(
        key_managers={"idp": manager},
        trusted={"idp": trusted or {}},
        shop={**SHOP, **settings.pop("shop", {})},
        **settings,
    )


async def exchanged(server: Resided, token: str, **parameters: str) -> Any:
    fields = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT, **parameters}
    return await server.token(**{name: value for name, value in fields.items() if value})


def test_a_token_of_a_trusted_issuer_is_exchanged_for_one_of_ours() -> None:
    async def check() -> None:
        async with trusting() as server:
            answer = await exchanged(server, foreign(), scope="orders.read")
            claims = await server.introspect(answer.json["access_token"])
            assert ("zoe", "orders.read", {"sub": "shop"}, NOW + 600) == (
                claims["sub"], claims["scope"], claims["act"], claims["exp"]
            )  # fmt: skip
            assert "urn:ietf:params:oauth:token-type:access_token" == answer.json["issued_token_type"]
            assert "refresh_token" not in answer.json

    asyncio.run(check())


@pytest.mark.parametrize(
    "changed",
    [
        {"key": OTHER},
        {"iss": "https://other.example"},
        {"iss": None},
        {"sub": None},
        {"sub": "a\nb"},
        {"sub": "ann"},
        {"exp": NOW - 31},
        {"exp": None},
        {"nbf": NOW + 31},
        {"aud": "https://other.example"},
        {"aud": None},
        {"cnf": {"jkt": "x"}},
    ],
)
@pytest.mark.parametrize("grant", ["exchange", "bearer"])
def test_any_other_token_is_an_invalid_grant(grant: str, changed: dict[str, Any]) -> None:
    async def check() -> None:
        async with trusting() as server:
            token = foreign(**changed)
            answer = await (
                exchanged(server, token) if grant == "exchange" else server.token(grant_type=BEARER, assertion=token)
            )
            assert (400, "invalid_grant") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_a_subject_is_a_user_here_only_if_the_operator_says_so() -> None:
    async def check() -> None:
        async with trusting({"same_users": True}) as server:
            claims = await server.introspect((await exchanged(server, foreign(sub="ann"))).json["access_token"])
            assert ("ann", ["buyer"]) == (claims["sub"], claims["roles"])

    asyncio.run(check())


def test_the_terms_of_an_issuer_name_its_audience_and_how_old_its_tokens_may_be() -> None:
    async def check() -> None:
        async with trusting({"audience": ["alias"], "max_age": "1m"}) as server:
            statuses = [
                (await exchanged(server, foreign(**changed))).status
                for changed in (
                    {"aud": "alias"},
                    {},
                    {"aud": ["x", "alias"], "iat": NOW - 100},
                    {"aud": "alias", "iat": None},
                )
            ]
            assert [200, 400, 400, 400] == statuses

    asyncio.run(check())


def test_a_token_of_ours_is_exchanged_for_no_more_than_it_is_good_for() -> None:
    async def check() -> None:
        async with trusting(lifetimes={"access_token": "10m"}) as server:
            token = (await server.token(grant_type="client_credentials", scope="orders.read")).json["access_token"]
            server.context.clock.advance(300)
            more = await exchanged(server, token, scope="orders.read orders.write")
            assert "invalid_scope" == more.json["error"]
            claims = await server.introspect((await exchanged(server, token)).json["access_token"])
            assert (NOW + 600, "orders.read", {"sub": "shop"}) == (claims["exp"], claims["scope"], claims["act"])
            await server.form("/revoke", client_id="shop", client_secret="the secret of the shop", token=token)
            assert 400 == (await exchanged(server, token)).status

    asyncio.run(check())


def test_exchanges_of_exchanges_come_to_an_end() -> None:
    async def check() -> None:
        async with trusting() as server:
            token, depth = foreign(), 0
            while (answer := await exchanged(server, token)).status == 200:
                token, depth = answer.json["access_token"], depth + 1
                assert depth < 10
                assert NOW + 600 >= (await server.introspect(token))["exp"]
            assert (5, "invalid_grant") == (depth, answer.json["error"])

    asyncio.run(check())


def test_a_client_exchanges_no_token_of_another_that_is_not_for_it() -> None:
    async def check() -> None:
        other = {"secret": "other secret", "scopes": ["orders.read"]}
        async with trusting(clients={"other": other}) as server:
            token = (await server.token("other", "other secret", grant_type="client_credentials")).json["access_token"]
            assert "invalid_grant" == (await exchanged(server, token)).json["error"]
        async with trusting(clients={"other": {**other, "audience": ["shop"]}}) as server:
            token = (await server.token("other", "other secret", grant_type="client_credentials")).json["access_token"]
            assert 200 == (await exchanged(server, token)).status

    asyncio.run(check())


def test_a_client_exchanges_a_token_for_no_scope_that_it_may_not_ask_for() -> None:
    async def check() -> None:
        other = {"secret": "other secret", "scopes": ["orders.read", "admin"], "audience": ["shop"]}
        async with trusting(clients={"other": other}) as server:
            token = (await server.token("other", "other secret", grant_type="client_credentials")).json["access_token"]
            assert "orders.read admin" == (await server.introspect(token))["scope"]
            assert "orders.read" == (await exchanged(server, token)).json["scope"]
            assert "invalid_scope" == (await exchanged(server, token, scope="admin")).json["error"]

    asyncio.run(check())


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "https://other.example"}, "invalid_target"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"subject_token": "a.b"}, "invalid_grant"),
        ({"subject_token": "a.b.c"}, "invalid_grant"),
    ],
)
def test_an_exchange_that_is_not_in_order_is_refused(parameters: dict[str, str], error: str) -> None:
    async def check() -> None:
        async with trusting() as server:
            answer = await exchanged(server, foreign(), **parameters)
            assert (400, error) == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_an_assertion_is_good_once() -> None:
    async def check() -> None:
        async with trusting() as server:
            first = await server.token(grant_type=BEARER, assertion=foreign())
            second = await server.token(grant_type=BEARER, assertion=foreign())
            assert (200, 400) == (first.status, second.status)
            assert "zoe" == (await server.introspect(first.json["access_token"]))["sub"]

    asyncio.run(check())


PARTNER = "https://partner.example"


def test_two_issuers_never_mean_one_subject() -> None:
    async def check() -> None:
        managers = {
            "idp": FakeKeyManager(KEY.as_dict(private=False), issuer=IDP),
            "partner": FakeKeyManager(OTHER.as_dict(private=False), issuer=PARTNER),
        }
        trusted = {"idp": {"prefix": "corp:"}, "partner": {"prefix": "partner:"}}
        async with residing(key_managers=managers, trusted=trusted, shop=SHOP) as server:
            ours = await exchanged(server, foreign())
            theirs = await exchanged(server, foreign(OTHER, iss=PARTNER))
            subjects = [(await server.introspect(each.json["access_token"]))["sub"] for each in (ours, theirs)]
            assert ["corp:zoe", "partner:zoe"] == subjects

    asyncio.run(check())


def test_one_whose_subjects_are_the_users_here_cannot_speak_for_another_issuer() -> None:
    async def check() -> None:
        managers = {
            "idp": FakeKeyManager(KEY.as_dict(private=False), issuer=IDP),
            "partner": FakeKeyManager(OTHER.as_dict(private=False), issuer=PARTNER),
        }
        trusted = {"idp": {"same_users": True}, "partner": {"prefix": "partner:"}}
        async with residing(key_managers=managers, trusted=trusted, shop=SHOP) as server:
            assert 200 == (await exchanged(server, foreign())).status
            refused = await exchanged(server, foreign(sub="partner:zoe"))
            assert (400, "invalid_grant") == (refused.status, refused.json["error"])

    asyncio.run(check())


@pytest.mark.parametrize(
    ("trusted", "said"),
    [
        ({"a": {}, "b": {"prefix": "b:"}}, "write a `prefix` under `trusted.a`"),
        ({"a": {"same_users": True}, "b": {}}, "write a `prefix` under `trusted.b`"),
        ({"a": {"prefix": "x:"}, "b": {"prefix": "x:"}}, "begins with that of"),
        ({"a": {"prefix": "x:"}, "b": {"prefix": "x:y:"}}, "the prefix of `trusted.b` begins with that of `trusted.a`"),
        ({"a": {"prefix": "x:", "same_users": True}}, "leave out the `prefix`"),
    ],
)
def test_settings_by_which_two_issuers_could_mean_one_subject_are_refused(trusted: Any, said: str) -> None:
    async def check() -> None:
        async with residing(trusted=trusted):
            pass

    with pytest.raises(Exception, match=said):
        asyncio.run(check())


def test_while_the_keys_of_an_issuer_cannot_be_told_nothing_is_said_of_its_tokens() -> None:
    class Away(FakeKeyManager):
        def keys(self, key_id: str | None) -> Any:
            raise ConnectionError("away")

    async def check() -> None:
        async with residing(
            key_managers={"idp": Away(issuer=IDP)}, trusted={"idp": {}}, shop={"grant_types": [EXCHANGE]}
        ) as server:
            answer = await exchanged(server, foreign())
            assert (503, "temporarily_unavailable") == (answer.status, answer.json["error"])

    asyncio.run(check())


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_a_token_is_for_nobody_beside_whom_was_asked_for(name: str) -> None:
    async def check() -> None:
        async with trusting(audience=["https://orders.example", "https://stock.example"]) as server:
            narrow = await exchanged(server, foreign(), **{name: "https://stock.example"})
            both = await exchanged(server, foreign())
            assert "https://stock.example" == (await server.introspect(narrow.json["access_token"]))["aud"]
            assert 2 == len((await server.introspect(both.json["access_token"]))["aud"])

    asyncio.run(check())


@pytest.mark.parametrize(
    "changed", [{"exp": 10**400}, {"exp": 10**15}, {"iat": 10**400, "exp": NOW + 60, "nbf": 10**400}]
)
def test_dates_that_are_none_are_refused(changed: dict[str, Any]) -> None:
    async def check() -> None:
        async with trusting({"max_age": "1m"}) as server:
            answer = await exchanged(server, foreign(**changed))
            assert (400, "invalid_grant") == (answer.status, answer.json["error"])

    asyncio.run(check())
