"""The combinations of credentials that WSO2 API Manager knows, over TLS, and what reaches the backend of each.

Its `mutualssl` and app-level security, each mandatory or optional, are `mtls` and any of `jwt`, `basic` and `api-key`
here. Where the product ignores scopes for whoever comes by certificate alone, an operation's scopes hold here, and
`scopes` of `mtls` gives them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from pathlib import Path

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.certificates import new_certificate
from support.client_certificates import issue
from support.gateway import run
from support.listening import listening, status
from support.passwords import argon2id
from support.protected import fresh
from support.tokens import ISSUER, public, signed

ROOT = issue("Root", authority=True, days=36500)
ELSEWHERE = issue("Elsewhere", authority=True, days=36500)
CERTIFICATES = {"good": issue("shop", ROOT, days=36500), "bad": issue("shop", ELSEWHERE, days=36500)}

TEXT = """
listen: [{{address: "127.0.0.1:0", tls: {{certificate: server.pem, key: server.key, client_ca: both.pem,
         client_certificate: optional}}}}]
management: {{enabled: false}}
key_managers: {{main: {{oidc: {{issuer: "{issuer}", jwks: {{file: jwks.json}}}}}}}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: gold, authentication: {authentication}}}]
    operations: [{{match: GET /x}}, {{match: GET /scoped, scopes: [read]}}]
applications:
  - name: shop
    keys: [{{client_id: shop-web}}, {{api-key: a key of the shop}}]
    subscriptions: [{{api: items, plan: gold}}]
"""
BEARER = {"good": "Authorization: Bearer {token}", "bad": "Authorization: Bearer e30.e30.e30"}
BASIC = {name: f"Authorization: Basic {b64encode(f'anna:{name}'.encode()).decode()}" for name in ("good", "bad")}
KEY = {"good": "X-API-Key: a key of the shop", "bad": "X-API-Key: another"}

APP = "{any: [{jwt: {}}, {basic: {file: users}}, {api-key: {}}]}"
MTLS = "{mtls: {ca: [root.pem]}}"
APP_AND_PERHAPS_MTLS = f"{{all: [{APP}, {{optional: {MTLS}}}]}}"
BOTH = f"{{all: [{MTLS}, {APP}]}}"
EITHER = f"{{any: [{MTLS}, {APP}]}}"


def called(
    folder: Path, authentication: str, certificate: str | None, *fields: str, path: str = "/api/x"
) -> tuple[int, str | None]:
    """Status and code of the refusal, if it is one; nothing of a credential may reach the backend."""
    new_certificate(folder / "server.pem", folder / "server.key")
    ROOT.written(folder, "root.pem")
    (folder / "both.pem").write_bytes(ROOT.pem + ELSEWHERE.pem)
    (folder / "users").write_text(f"anna:{argon2id('good')}\n")
    (folder / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if certificate is None else None
    if context is None:
        context = CERTIFICATES[str(certificate)].connecting(folder)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    token = signed(fresh())
    lines = "".join(f"{field.replace('{token}', token)}\r\n" for field in fields)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"

    async def scenario() -> tuple[int, str | None]:
        async with FakeBackend(Reply(200, (), b"hello")) as backend:
            text = TEXT.format(issuer=ISSUER, backend=backend.url, authentication=authentication)
            async with listening(text, folder) as gateway:
                answer = await asyncio.wait_for(gateway.send(head.encode(), context, "localhost", 0), 30)
            found = status(answer)
            assert (1 if found == 200 else 0) == len(backend.requests)
            for request in backend.requests:
                assert () == request.headers.get_all("Authorization") + request.headers.get_all("X-API-Key")
        return found, None if found == 200 else json.loads(answer.partition(b"\r\n\r\n")[2])["code"]

    result: tuple[int, str | None] = run(scenario)
    return result


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (401, "900902")),
        (["X-Other: key"], (401, "900902")),
        ([BEARER["good"]], (200, None)),
        ([BASIC["good"]], (200, None)),
        ([KEY["good"]], (200, None)),
        ([KEY["bad"]], (401, "900901")),
        ([BASIC["bad"]], (401, "900901")),
        ([BEARER["bad"], KEY["good"]], (200, None)),
        ([BEARER["good"], KEY["bad"]], (200, None)),
    ],
)
def test_of_app_level_credentials_any_good_one_will_do(
    fields: list[str], expected: tuple[int, str | None], tmp_path: Path
) -> None:
    assert expected == called(tmp_path, APP, "bad", *fields)


@pytest.mark.parametrize(
    ("certificate", "fields", "expected"),
    [
        (None, [], (401, "900902")),
        (None, [BEARER["good"]], (401, "900902")),
        ("bad", [BEARER["good"]], (401, "900901")),
        ("good", [], (200, None)),
    ],
)
def test_where_only_a_certificate_counts_it_needs_no_subscription(
    certificate: str | None, fields: list[str], expected: tuple[int, str | None], tmp_path: Path
) -> None:
    assert expected == called(tmp_path, MTLS, certificate, *fields)


@pytest.mark.parametrize(
    ("certificate", "fields", "expected"),
    [
        ("good", [], (401, "900902")),
        (None, [KEY["good"]], (200, None)),
        ("bad", [KEY["good"]], (200, None)),
        ("good", [KEY["good"]], (200, None)),
        ("good", [KEY["bad"]], (401, "900901")),
    ],
)
def test_an_optional_certificate_takes_nothing_away(
    certificate: str | None, fields: list[str], expected: tuple[int, str | None], tmp_path: Path
) -> None:
    assert expected == called(tmp_path, APP_AND_PERHAPS_MTLS, certificate, *fields)


@pytest.mark.parametrize(
    ("certificate", "fields", "expected"),
    [
        ("good", [], (401, "900902")),
        (None, [BEARER["good"]], (401, "900902")),
        ("bad", [BEARER["good"]], (401, "900901")),
        ("good", [BEARER["bad"]], (401, "900901")),
        ("good", [BEARER["good"]], (200, None)),
        ("good", [KEY["good"]], (200, None)),
        ("good", [BASIC["good"]], (200, None)),
    ],
)
def test_where_both_are_mandatory_both_must_be_good(
    certificate: str | None, fields: list[str], expected: tuple[int, str | None], tmp_path: Path
) -> None:
    assert expected == called(tmp_path, BOTH, certificate, *fields)


@pytest.mark.parametrize(
    ("certificate", "fields", "expected"),
    [
        (None, [], (401, "900902")),
        ("good", [], (200, None)),
        ("bad", [], (401, "900901")),
        ("bad", [BEARER["good"]], (200, None)),
        ("good", [BEARER["bad"]], (200, None)),
        ("bad", [KEY["bad"]], (401, "900901")),
    ],
)
def test_where_both_are_optional_one_must_be_good(
    certificate: str | None, fields: list[str], expected: tuple[int, str | None], tmp_path: Path
) -> None:
    assert expected == called(tmp_path, EITHER, certificate, *fields)


@pytest.mark.parametrize(("scopes", "expected"), [("[]", (403, "900910")), ("[read]", (200, None))])
@pytest.mark.parametrize(
    ("settings", "certificate", "fields"),
    [("{mtls: {ca: [root.pem], scopes: SCOPES}}", "good", []), ("{api-key: {scopes: SCOPES}}", None, [KEY["good"]])],
    ids=["mtls", "api-key"],
)
def test_who_comes_by_something_without_scopes_has_those_that_are_configured(
    settings: str,
    certificate: str | None,
    fields: list[str],
    scopes: str,
    expected: tuple[int, str | None],
    tmp_path: Path,
) -> None:
    written = settings.replace("SCOPES", scopes)
    assert expected == called(tmp_path, written, certificate, *fields, path="/api/scoped")
