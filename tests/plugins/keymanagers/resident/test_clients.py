"""How clients say who they are (RFC 6749, 2.3; RFC 7523, 2.2; RFC 8705, 2), and what they are told if it is wrong."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from apim_sdk.identity import Client, TLSInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from support.resident import ISSUER, SECRET, residing

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "parameters", "status", "error"),
    [
        (basic("shop", "the+secret+of+the+shop"), {}, 200, None),
        (basic("shop", "the%20secret%20of%20the%20shop"), {}, 200, None),
        ({}, {"client_id": "shop", "client_secret": SECRET}, 200, None),
        (basic("shop", "wrong"), {}, 401, "invalid_client"),
        (basic("nobody", "wrong"), {}, 401, "invalid_client"),
        (basic("shop", ""), {}, 401, "invalid_client"),
        ({"Authorization": "Basic ???"}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic c2hvcA=="}, {}, 401, "invalid_client"),
        ({"Authorization": "Bearer x"}, {}, 401, "invalid_client"),
        ({}, {"client_id": "shop", "client_secret": "wrong"}, 401, "invalid_client"),
        ({}, {"client_id": "shop"}, 401, "invalid_client"),
        ({}, {}, 401, "invalid_client"),
        (basic("shop", "the+secret+of+the+shop"), {"client_secret": SECRET}, 400, "invalid_request"),
    ],
)
def test_a_secret_is_presented_in_the_header_or_in_the_form_and_not_in_both(
    headers: dict[str, str], parameters: dict[str, str], status: int, error: str | None
) -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await server.form("/token", headers, grant_type="client_credentials", **parameters)
            assert (status, error) == (answer.status, answer.json.get("error"))
            assert "no-store" == answer.headers["Cache-Control"]
            if status == 401 and headers:
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    asyncio.run(check())


def test_an_unknown_client_and_a_wrong_secret_get_the_same_answer() -> None:
    async def check() -> None:
        async with residing() as server:
            one = await server.form("/token", basic("shop", "wrong"), grant_type="client_credentials")
            other = await server.form("/token", basic("nobody", "wrong"), grant_type="client_credentials")
            assert (one.status, one.body) == (other.status, other.body)

    asyncio.run(check())


def test_a_public_client_gets_nothing_by_its_name_alone() -> None:
    async def check() -> None:
        app = {"grant_types": ["authorization_code"], "redirect_uris": ["com.example.app:/back"]}
        async with residing(clients={"app": app}) as server:
            answer = await server.token("app", None, grant_type="client_credentials")
            introspected = await server.form("/introspect", client_id="app", token="x")
            assert ("unauthorized_client", 401) == (answer.json["error"], introspected.status)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", 400),
        (b"grant_type=client_credentials&scope=%ff", 400),
        (b"grant_type", 400),
        (b"\xff", 400),
        (b"&".join(b"a%d=1" % number for number in range(200)), 400),
        (b"grant_type=" + b"x" * 70_000, 413),
        (b"", 400),
    ],
    ids=range(7),
)
def test_a_form_that_is_none_is_refused(body: bytes, status: int) -> None:
    async def check() -> None:
        async with residing() as server:
            headers = {**FORM, **basic("shop", "the+secret+of+the+shop")}
            answer = await server.ask("POST /token", headers, body)
            assert (status, "invalid_request") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_parameters_are_taken_from_a_form_only() -> None:
    async def check() -> None:
        async with residing() as server:
            body = json.dumps({"grant_type": "client_credentials", "client_id": "shop", "client_secret": SECRET})
            in_json = await server.ask("POST /token", {"Content-Type": "application/json"}, body.encode())
            in_query = await server.ask("POST /token?grant_type=client_credentials", basic("shop", "x"))
            by_get = await server.ask("GET /token?grant_type=client_credentials")
            assert (400, 401, 405) == (in_json.status, in_query.status, by_get.status)
            assert "POST" == by_get.headers["Allow"]

    asyncio.run(check())


KEY = ECKey.generate_key("P-256")


def assertion(key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    now = changed.pop("now")
    claims = {"iss": "robot", "sub": "robot", "aud": ISSUER, "exp": now + 60, "jti": "1", **changed}
    return jwt.encode(
        {"alg": "ES256", **(header or {})},
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithms=["ES256", "HS256"],
    )


def robot(**changed: Any) -> dict[str, Any]:
    settings = {"token_endpoint_auth_method": "private_key_jwt", "keys": [KEY.as_dict(private=False)], **changed}
    return {"clients": {"robot": settings}}


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"iss": "shop"},
        {"sub": "shop"},
        {"exp": 1},
        {"exp": None},
        {"exp": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"jti": None},
        {"key": ECKey.generate_key("P-256")},
        {"key": OctKey.import_key(json.dumps(KEY.as_dict(private=False))), "header": {"alg": "HS256"}},
        {"header": {"jwk": KEY.as_dict(private=False)}},
        {"header": {"jku": "https://evil.example/keys"}},
        {"header": {"crit": ["exp"]}},
    ],
)
def test_an_assertion_is_good_if_it_is_all_in_order(changed: dict[str, Any]) -> None:
    async def check() -> None:
        async with residing(**robot()) as server:
            now = int(server.context.clock.now())
            parameters = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION}
            good = await server.form("/token", client_assertion=assertion(now=now), **parameters)
            assert 200 == good.status, good.text
            changes = {"jti": "2", **changed}
            if "crit" in changes.get("header", {}):
                made = assertion(now=now, jti="2").split(".")
                header = b64encode(b'{"alg":"ES256","crit":["exp"]}').decode().rstrip("=")
                bad = ".".join([header, *made[1:]])
            else:
                bad = assertion(now=now, **changes)
            answer = await server.form("/token", client_assertion=bad, **parameters)
            assert (401, "invalid_client") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_an_assertion_is_good_once() -> None:
    async def check() -> None:
        async with residing(**robot()) as server:
            made = assertion(now=int(server.context.clock.now()))
            parameters = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION}
            first = await server.form("/token", client_assertion=made, **parameters)
            second = await server.form("/token", client_assertion=made, **parameters)
            assert (200, 401) == (first.status, second.status)

    asyncio.run(check())


def certificate(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    at = datetime.fromtimestamp(time.time(), UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(at).not_valid_after(at)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_a_token_is_bound_to_the_certificate_of_its_client() -> None:
    """RFC 8705, section 3."""
    settings = {
        "token_endpoint_auth_method": "tls_client_auth",
        "certificate": "CN=robot",
        "tls_client_certificate_bound_access_tokens": True,
    }

    async def check() -> None:
        async with residing(clients={"robot": settings}) as server:
            shown = certificate("robot")
            client = Client(ip_address("203.0.113.7"), tls=TLSInfo("TLSv1.3", "x", None, shown))
            body = b"grant_type=client_credentials&client_id=robot"
            answer = await server.ask("POST /token", FORM, body, client=client)
            told = await server.introspect(answer.json["access_token"])
            thumbprint = urlsafe_b64encode(sha256(shown).digest()).decode().rstrip("=")
            assert ("Bearer", {"x5t#S256": thumbprint}) == (answer.json["token_type"], told["cnf"])

    asyncio.run(check())


@pytest.mark.parametrize(("name", "status"), [("robot", 200), ("robots", 401), (None, 401)])
def test_a_client_is_known_by_the_subject_of_its_certificate(name: str | None, status: int) -> None:
    async def check() -> None:
        settings = {"token_endpoint_auth_method": "tls_client_auth", "certificate": "CN=robot"}
        async with residing(clients={"robot": settings}) as server:
            shown = None if name is None else certificate(name)
            client = Client(ip_address("203.0.113.7"), tls=TLSInfo("TLSv1.3", "x", None, shown))
            body = b"grant_type=client_credentials&client_id=robot"
            answer = await server.ask("POST /token", FORM, body, client=client)
            assert status == answer.status

    asyncio.run(check())


def unsigned(payload: bytes) -> str:
    parts = (b'{"alg": "ES256"}', payload, b"x" * 64)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    "payload", [b'{"sub": "\\ud800"}', b'{"sub": "shop", "exp": NaN}', b'{"sub": "shop", "exp": 1e999}']
)
def test_an_assertion_of_nobody_is_refused_whatever_it_says(payload: bytes) -> None:
    async def check() -> None:
        async with residing() as server:
            parameters = {"client_assertion_type": ASSERTION, "client_assertion": unsigned(payload)}
            answer = await server.form("/token", grant_type="client_credentials", **parameters)
            assert (401, "invalid_client") == (answer.status, answer.json["error"])

    asyncio.run(check())
