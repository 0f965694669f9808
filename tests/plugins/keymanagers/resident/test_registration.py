"""Clients that register over HTTP: RFC 7591, RFC 7592, and the form of WSO2 API Manager."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest
from joserfc.jwk import ECKey
from support.resident import ANN, ISSUER, Resided, residing

TOKEN = {"Authorization": "Bearer the initial token"}
OPEN = {"registration": {"open": True}}
WITH_TOKEN = {"registration": {"initial_access_token": "the initial token"}}
WITH_ROLE = {
    "registration": {"roles": ["developer"]},
    "users": {"dev": {"password": ANN, "roles": ["developer"]}, "ann": {"password": ANN, "roles": ["buyer"]}},
}
WEB = {"client_name": "Web", "redirect_uris": ["https://web.example/back"]}


def basic(name: str, password: str = "swordfish") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


async def send(server: Resided, line: str, document: Any, headers: dict[str, str] | None = None) -> Any:
    return await server.ask(
        line, {"Content-Type": "application/json", **(headers or {})}, json.dumps(document).encode()
    )


async def register(server: Resided, document: Any, headers: dict[str, str] | None = None) -> Any:
    return await send(server, "POST /register", document, headers)


def test_a_client_registers_and_gets_a_token() -> None:
    async def check() -> None:
        async with residing(**OPEN) as server:
            answer = await register(server, {"grant_types": ["client_credentials"], "scope": "orders.read"})
            client = answer.json
            assert (201, 0, "client_secret_basic") == (
                answer.status, client["client_secret_expires_at"], client["token_endpoint_auth_method"]
            )  # fmt: skip
            got = await server.token(client["client_id"], client["client_secret"], grant_type="client_credentials")
            assert (200, "orders.read") == (got.status, got.json["scope"])

    asyncio.run(check())


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 401),
        ({}, TOKEN, 401),
        (OPEN, {}, 201),
        (OPEN, TOKEN, 401),
        (WITH_TOKEN, TOKEN, 201),
        (WITH_TOKEN, {}, 401),
        (WITH_TOKEN, {"Authorization": "Bearer another"}, 401),
        (WITH_ROLE, basic("dev"), 201),
        (WITH_ROLE, basic("dev", "wrong"), 401),
        (WITH_ROLE, basic("ann"), 401),
        (WITH_ROLE, {}, 401),
    ],
)
def test_who_may_register_is_the_operators_choice(
    settings: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    async def check() -> None:
        async with residing(**settings) as server:
            assert status == (await register(server, WEB, headers)).status

    asyncio.run(check())


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ([], "invalid_client_metadata"),
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://web.example/"}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://web.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://web.example/#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://*.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://web.example/\n"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["app:/back"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://web.example/{number}" for number in range(30)]}, "invalid_redirect_uri"),
        ({**WEB, "grant_types": ["password"]}, "invalid_client_metadata"),
        ({**WEB, "grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({**WEB, "grant_types": []}, "invalid_client_metadata"),
        ({**WEB, "response_types": ["token"]}, "invalid_client_metadata"),
        ({**WEB, "scope": "admin"}, "invalid_client_metadata"),
        ({**WEB, "scope": "no.such"}, "invalid_client_metadata"),
        ({**WEB, "client_name": "a\nb"}, "invalid_client_metadata"),
        ({**WEB, "client_name": 7}, "invalid_client_metadata"),
        ({**WEB, "token_endpoint_auth_method": "magic"}, "invalid_client_metadata"),
        ({**WEB, "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({**WEB, "token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        ({**WEB, "jwks": {"keys": [{"kty": "EC", "d": ""}]}}, "invalid_client_metadata"),
        ({**WEB, "jwks_uri": "http://169.254.169.254/"}, "invalid_client_metadata"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_good_is_refused(document: Any, error: str) -> None:
    async def check() -> None:
        async with residing(**OPEN) as server:
            answer = await register(server, document)
            assert (400, error) == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_a_scope_that_needs_a_role_is_for_who_has_the_role_to_give() -> None:
    async def check() -> None:
        scopes = {"admin": {"roles": ["developer"]}, "root": {"roles": ["root"]}}
        async with residing(**{**WITH_ROLE, "scopes": scopes}) as server:
            assert 201 == (await register(server, {**WEB, "scope": "admin"}, basic("dev"))).status
            assert 400 == (await register(server, {**WEB, "scope": "root"}, basic("dev"))).status

    asyncio.run(check())


def test_a_registration_is_shown_changed_and_removed_by_its_own_token() -> None:
    async def check() -> None:
        async with residing(**OPEN) as server:
            client = (await register(server, {"grant_types": ["client_credentials"]})).json
            path = client["registration_client_uri"].removeprefix(ISSUER)
            own = {"Authorization": f"Bearer {client['registration_access_token']}"}
            shown = await server.ask(f"GET {path}", own)
            assert (200, client["client_id"]) == (shown.status, shown.json["client_id"])
            assert "client_secret" not in shown.json
            changed = await send(server, f"PUT {path}", {**shown.json, "client_name": "New"}, own)
            assert (200, "New") == (changed.status, changed.json["client_name"])
            got = await server.token(client["client_id"], client["client_secret"], grant_type="client_credentials")
            for headers in ({}, {"Authorization": "Bearer wrong"}, TOKEN):
                assert 401 == (await server.ask(f"GET {path}", headers)).status
                assert 401 == (await server.ask(f"DELETE {path}", headers)).status
            assert 204 == (await server.ask(f"DELETE {path}", own)).status
            assert 401 == (await server.ask(f"GET {path}", own)).status
            again = await server.token(client["client_id"], client["client_secret"], grant_type="client_credentials")
            assert "invalid_client" == again.json["error"]
            assert {"active": False} == await server.introspect(got.json["access_token"])

    asyncio.run(check())


@pytest.mark.parametrize("document", [{"client_id": "other"}, {"client_secret": "chosen"}])
def test_neither_id_nor_secret_is_the_clients_choice(document: dict[str, str]) -> None:
    async def check() -> None:
        async with residing(**OPEN) as server:
            client = (await register(server, WEB)).json
            own = {"Authorization": f"Bearer {client['registration_access_token']}"}
            changed = await send(server, f"PUT /register/{client['client_id']}", {**WEB, **document}, own)
            assert (400, "invalid_client_metadata") == (changed.status, changed.json["error"])

    asyncio.run(check())


def test_a_client_that_signs_has_no_secret() -> None:
    async def check() -> None:
        keys = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
        async with residing(**OPEN) as server:
            client = await register(server, {**WEB, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys})
            assert (201, None, keys) == (client.status, client.json.get("client_secret"), client.json["jwks"])

    asyncio.run(check())


# WSO2

PATH = "POST /client-registration/v0.17/register"
APICTL = {
    "clientName": "rest_api_import_export_dev",
    "callbackUrl": "www.google.lk",
    "grantType": "password refresh_token client_credentials implicit",
    "saasApp": True,
    "owner": "somebody else",
}


def test_the_form_of_wso2_registers_a_client() -> None:
    async def check() -> None:
        async with residing(**WITH_ROLE) as server:
            answer = await send(server, PATH, APICTL, basic("dev"))
            client = answer.json
            assert (200, "rest_api_import_export_dev", "dev", True) == (
                answer.status, client["clientName"], client["appOwner"], client["isSaasApplication"]
            )  # fmt: skip
            assert {"grant_types": "refresh_token client_credentials", "redirect_uris": ""} == json.loads(
                client["jsonString"]
            )
            got = await server.token(client["clientId"], client["clientSecret"], grant_type="client_credentials")
            assert 200 == got.status
            assert 401 == (await send(server, PATH, APICTL)).status

    asyncio.run(check())


def test_the_same_name_of_the_same_owner_is_the_same_client() -> None:
    async def check() -> None:
        async with residing(**WITH_ROLE) as server:
            clients = [(await send(server, PATH, APICTL, basic("dev"))).json for _ in range(7)]
            assert 1 == len({client["clientId"] for client in clients})
            good = [
                (await server.token(each["clientId"], each["clientSecret"], grant_type="client_credentials")).status
                for each in clients
            ]
            assert [401] * 2 + [200] * 5 == good

    asyncio.run(check())


@pytest.mark.parametrize(
    ("settings", "owner", "stranger"),
    [
        (OPEN, {}, {}),
        ({"registration": {**WITH_ROLE["registration"], "open": True}, "users": WITH_ROLE["users"]}, basic("dev"), {}),
        (
            {"registration": {**WITH_ROLE["registration"], **WITH_TOKEN["registration"]}, "users": WITH_ROLE["users"]},
            basic("dev"),
            TOKEN,
        ),
    ],
)
def test_nobody_gets_a_secret_of_the_client_of_somebody_else(settings: Any, owner: Any, stranger: Any) -> None:
    async def check() -> None:
        async with residing(**settings) as server:
            theirs = (await send(server, PATH, {**APICTL, "owner": "dev"}, owner)).json
            mine = (await send(server, PATH, {**APICTL, "owner": "dev"}, stranger)).json
            assert theirs["clientId"] != mine["clientId"]
            stolen = await server.token(theirs["clientId"], mine["clientSecret"], grant_type="client_credentials")
            assert 401 == stolen.status

    asyncio.run(check())


def test_the_same_name_with_the_same_token_is_the_same_client() -> None:
    async def check() -> None:
        async with residing(**WITH_TOKEN) as server:
            clients = [(await send(server, PATH, APICTL, TOKEN)).json for _ in range(2)]
            assert 1 == len({client["clientId"] for client in clients})

    asyncio.run(check())


@pytest.mark.parametrize("name", ["clientName", "owner", "tokenScope"])
@pytest.mark.parametrize("path", [PATH, "POST /register"])
def test_what_is_no_unicode_text_is_refused(path: str, name: str) -> None:
    async def check() -> None:
        async with residing(**OPEN) as server:
            for text in (b"\\ud800", b"\xed\xa0\x80"):
                body = b'{"clientName": "x", "redirect_uris": ["https://web.example/"], "%b": "%b"}' % (
                    name.encode(),
                    text,
                )
                answer = await server.ask(path, {"Content-Type": "application/json"}, body)
                assert (400, "invalid_client_metadata") == (answer.status, answer.json["error"])

    asyncio.run(check())
