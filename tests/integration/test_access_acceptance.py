"""What consumers of WSO2 API Manager rely on when they call an API, row by row of its behaviour; and where we differ.

The names F1 ... are those of the rows. Row F25 (client certificates over TLS) is in
``tests/security/test_14_client_certificates.py``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth
from apim_auth.internal_key_maker import make_internal_key
from apim_sdk import API
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from support import tokens
from support.gateway import Answer, run, serving

from apim_core.config import ConfigErrors

CONFIGURATION = """
management: {enabled: false}
{gateway}
key_managers:
  main: {oidc: {issuer: "{issuer}", jwks: {file: jwks.json}}{key_manager}}
flows:
  entry: [{cors: {origins: ["https://shop.example"]}}]
apis:
  - name: orders
    version: 1.0.0
    context: /orders/1.0.0
    endpoint: {mock: {body: "production {{ application.name }}"}}
    {api}
    plans:
      - {name: gold, authentication: {authentication}{plan}}
    operations:
      - match: GET /res
      - {match: GET /scoped, scopes: [read]}
applications:
  - name: shop
    keys: [{client_id: shop-web}, {client_id: shop-test, type: sandbox}, {api-key: k-1},
           {api-key: k-home, addresses: [10.0.0.0/8]}, {api-key: k-page, referers: ["www.a.example/p"]}]
    subscriptions: [{api: orders, plan: gold{subscription}}]
  - name: stranger
    keys: [{client_id: stranger-web}, {api-key: k-2}]
"""
EXCHANGE = """
management: {{enabled: false}}
stores: {{main: {{memory: {{}}}}}}
key_managers:
  outside: {{oidc: {{issuer: "{issuer}", jwks: {{file: jwks.json}}}}, {outside}}}
  resident:
    resident:
      issuer: http://127.0.0.1:8080/oauth2
      store: main
      algorithm: ES256
      scopes: {{read: {{}}}}
      clients:
        shop: {{secret: "shop secret", scopes: [read], grant_types: ["{grant}"]}}
      trusted: {{outside: {{audience: [orders]}}}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
  - name: orders
    context: /orders
    endpoint: {{mock: {{body: "{{{{ principal.subject }}}}"}}}}
    plans: [{{name: gold, authentication: {{jwt: {{}}}}, subscription: none}}]
    operations: [{{match: GET /all}}]
"""
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "{jwt: {}}"
API_KEY = "{api-key: {header: ApiKey, query: apikey}}"


def configuration(authentication: str = JWT, **parts: str) -> str:
    text = CONFIGURATION.replace("{authentication}", authentication).replace("{issuer}", tokens.ISSUER)
    for name in ("gateway", "key_manager", "api", "plan", "subscription"):
        text = text.replace(f"{{{name}}}", parts.get(name, ""))
    return text


def called(folder: Path, text: str, path: str = "/res", method: str = "GET", **headers: str) -> Answer:
    (folder / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))

    async def scenario() -> Answer:
        async with serving(text, folder) as served:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await served.call(method, f"/orders/1.0.0{path}", headers=named)

    answer: Answer = run(scenario())
    return answer


def bearer(key: Any = None, **claims: Any) -> str:
    now = time.time()
    return f"Bearer {tokens.signed(tokens.claims(**{'iat': now - 10, 'exp': now + 300, **claims}), with_key=key)}"


def seen(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode() if answer.status == 200 else answer.json["code"]


def test_f1_a_call_without_a_credential_is_challenged(tmp_path: Path) -> None:
    answer = called(tmp_path, configuration())
    assert (401, "900902") == seen(answer)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("kind", ["garbage", "expired", "signed by another key"])
def test_f2_a_bad_token_is_refused(tmp_path: Path, kind: str) -> None:
    authorization = {
        "garbage": "Bearer garbage",
        "expired": bearer(exp=time.time() - 300),
        "signed by another key": bearer(tokens.key("b")),
    }[kind]
    assert (401, "900901") == seen(called(tmp_path, configuration(), Authorization=authorization))


def test_f2_a_good_token_is_let_in(tmp_path: Path) -> None:
    assert (200, "production shop") == seen(called(tmp_path, configuration(), Authorization=bearer()))


@pytest.mark.parametrize("client", ["stranger-web", "nobody"])
def test_f3_an_application_without_a_subscription_is_forbidden(tmp_path: Path, client: str) -> None:
    assert (403, "900908") == seen(called(tmp_path, configuration(), Authorization=bearer(azp=client)))


@pytest.mark.parametrize(
    ("state", "client", "answer"),
    [
        ("blocked", "shop-web", (401, "900907")),
        ("blocked", "shop-test", (401, "900907")),
        ("production-blocked", "shop-web", (401, "900907")),
        ("production-blocked", "shop-test", (200, "sandbox")),
        ("paused", "shop-web", (401, "900909")),
        ("pending", "shop-web", (401, "900909")),
    ],
)
def test_f4_a_subscription_that_is_blocked_or_inactive_is_told_apart(
    tmp_path: Path, state: str, client: str, answer: tuple[int, str]
) -> None:
    text = configuration(subscription=f", state: {state}", api="sandbox: {mock: {body: sandbox}}")
    assert answer == seen(called(tmp_path, text, Authorization=bearer(azp=client)))


@pytest.mark.parametrize(("scope", "status"), [("read write", 200), (["read"], 200), ("write", 403), ("", 403)])
def test_f5_an_operation_wants_its_scope(tmp_path: Path, scope: Any, status: int) -> None:
    answer = called(tmp_path, configuration(), "/scoped", Authorization=bearer(scope=scope))
    assert status == answer.status
    if status == 403:
        assert "900910" == answer.json["code"]
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_f18_a_sandbox_key_is_refused_where_only_production_is(tmp_path: Path) -> None:
    answer = called(tmp_path, configuration(), Authorization=bearer(azp="shop-test"))
    assert (403, "900901") == seen(answer)
    assert "no sandbox endpoint" in answer.json["description"]


def test_f19_a_production_key_is_refused_at_a_sandbox_gateway(tmp_path: Path) -> None:
    text = configuration(gateway="key_type: sandbox", api="sandbox: {mock: {body: sandbox}}")
    answer = called(tmp_path, text, Authorization=bearer())
    assert 401 == answer.status
    assert "Production Key Provided for Sandbox Gateway" == answer.json["description"]


@pytest.mark.parametrize(
    ("audience", "answer"),
    [("x", (200, "production shop")), (["y", "x"], (200, "production shop")), ("y", (403, "900914"))],
)
def test_f20_the_audience_must_be_one_of_those_wanted(tmp_path: Path, audience: Any, answer: tuple[int, str]) -> None:
    text = configuration("{jwt: {audience: [x]}}")
    assert answer == seen(called(tmp_path, text, Authorization=bearer(aud=audience)))


def test_f21_a_wrong_password_and_an_unknown_user_look_alike(tmp_path: Path) -> None:
    hashed = "$2y$04$ZDXTWgNjRcBSlzVJlZRoh.FVyHPVrzR2vlQp/Lxa9BvZBwMUIDGDK"
    text = configuration(f"{{basic: {{users: {{anna: {{password: '{hashed}'}}}}}}}}")
    answers = [
        called(tmp_path, text, Authorization=f"Basic {credentials}")
        for credentials in ("YW5uYTp3cm9uZw==", "bm9ib2R5Ondyb25n")  # anna:wrong, nobody:wrong
    ]
    assert [(401, "900901")] * 2 == [seen(answer) for answer in answers]
    assert answers[0].body == answers[1].body


@pytest.mark.parametrize(
    ("path", "headers", "answer"),
    [
        ("/res", {"ApiKey": "k-1"}, (200, "production shop")),
        ("/res", {"apikey": "k-1"}, (200, "production shop")),
        ("/res?apikey=k-1", {}, (200, "production shop")),
        ("/res", {"ApiKey": "random"}, (401, "900901")),
        ("/res", {"ApiKey": "k-home"}, (403, None)),
        ("/res", {"ApiKey": "k-page"}, (403, None)),
        ("/res", {"ApiKey": "k-page", "Referer": "https://www.a.example/other"}, (403, None)),
        ("/res", {"ApiKey": "k-page", "Referer": "https://www.a.example/p"}, (200, "production shop")),
        ("/res", {"ApiKey": "k-2"}, (403, "900908")),
    ],
)
def test_f22_an_api_key_is_taken_from_header_or_query_within_its_bounds(
    tmp_path: Path, path: str, headers: dict[str, str], answer: tuple[int, str | None]
) -> None:
    status, said = seen(called(tmp_path, configuration(API_KEY), path, **headers))
    assert answer[0] == status
    assert answer[1] in (None, said)


@pytest.mark.parametrize(("header", "status"), [("X_K", 200), ("ApiKey", 401), ("X_API_Key", 401)])
def test_f23_an_api_may_have_a_header_of_its_own_for_keys(tmp_path: Path, header: str, status: int) -> None:
    assert status == called(tmp_path, configuration("{api-key: {header: X-K}}"), **{header: "k-1"}).status


@pytest.mark.parametrize(
    ("header", "answer"), [("X_Auth", (200, "production shop")), ("Authorization", (401, "900902"))]
)
def test_f24_an_api_may_have_a_header_of_its_own_for_tokens(
    tmp_path: Path, header: str, answer: tuple[int, str]
) -> None:
    text = configuration("{jwt: {header: X-Auth}}")
    assert answer == seen(called(tmp_path, text, **{header: bearer()}))


@pytest.mark.parametrize(
    ("authentication", "headers", "status"),
    [
        ("{all: [{api-key: {header: ApiKey}}, {jwt: {}}]}", {"ApiKey": "k-1", "Authorization": "good"}, 200),
        ("{all: [{api-key: {header: ApiKey}}, {jwt: {}}]}", {"Authorization": "good"}, 401),
        ("{all: [{api-key: {header: ApiKey}}, {jwt: {}}]}", {"ApiKey": "k-1"}, 401),
        ("{any: [{api-key: {header: ApiKey}}, {jwt: {}}]}", {"ApiKey": "random", "Authorization": "good"}, 200),
        ("{mtls: {application: true}}", {"Authorization": "good"}, 401),
    ],
)
def test_f26_credentials_are_combined(
    tmp_path: Path, authentication: str, headers: dict[str, str], status: int
) -> None:
    if "Authorization" in headers:
        headers = {**headers, "Authorization": bearer()}
    assert status == called(tmp_path, configuration(authentication), **headers).status


@pytest.mark.parametrize(("name", "status"), [("orders", 200), ("other", 403)])
def test_f27_an_internal_key_is_good_for_one_api(tmp_path: Path, name: str, status: int) -> None:
    private = generate_private_key(SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "internal.pem").write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    api = API(name, "1.0.0", "/orders/1.0.0" if name == "orders" else "/other")
    key = make_internal_key(pem, api, "publisher", lifetime=60, now=time.time())
    text = configuration("{internal-key: {file: internal.pem}}").replace("{{ application.name }}", "x")
    assert status == called(tmp_path, text, Internal_Key=key).status


def test_f28_a_preflight_is_answered_without_authentication(tmp_path: Path) -> None:
    asking = {"Origin": "https://shop.example", "Access_Control_Request_Method": "GET"}
    answer = called(tmp_path, configuration(), method="OPTIONS", **asking)
    assert answer.status in (200, 204)
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]


def test_f29_a_refusal_tells_the_page_that_it_may_read_it(tmp_path: Path) -> None:
    answer = called(tmp_path, configuration(), Origin="https://shop.example")
    assert (401, "https://shop.example") == (answer.status, answer.headers["Access-Control-Allow-Origin"])


@pytest.mark.parametrize("client", ["shop-web", "stranger-web", "nobody"])
def test_f54_an_api_without_subscriptions_takes_any_valid_token(tmp_path: Path, client: str) -> None:
    text = configuration(plan=", subscription: none").replace("{{ application.name }}", "x")
    assert 200 == called(tmp_path, text, Authorization=bearer(azp=client)).status


@pytest.mark.parametrize(
    ("parts", "client", "answer"),
    [
        ({"api": "tenant: acme", "key_manager": ", tenant: other"}, "shop-web", (401, "900901")),
        ({"key_manager": ", enabled: false"}, "shop-web", (401, "900901")),
        ({"key_manager": ", tokens: exchanged"}, "shop-web", (401, "900901")),
        ({}, "unmapped", (403, "900908")),
    ],
)
def test_f58_tokens_of_key_managers_that_are_not_for_the_api_are_refused(
    tmp_path: Path, parts: dict[str, str], client: str, answer: tuple[int, str]
) -> None:
    parts = {**parts, "gateway": ""}
    text = configuration(**parts).replace(
        "key_managers:\n  main:",
        'key_managers:\n  second: {oidc: {issuer: "https://second.example", jwks: {file: jwks.json}}}\n  main:',
    )
    assert answer == seen(called(tmp_path, text, Authorization=bearer(azp=client)))


@pytest.mark.parametrize(
    ("outside", "claims", "direct", "exchanged"),
    [
        ("tokens: exchanged", {}, (401, "900901"), (200, "anna")),
        ("tokens: both", {}, (200, "anna"), (200, "anna")),
        ("tokens: both", {"iss": "https://stranger.example"}, (401, "900901"), (400, "invalid_grant")),
        ("tokens: both, enabled: false", {}, (401, "900901"), (400, "invalid_grant")),
    ],
    ids=["exchanged", "both", "untrusted", "switched-off"],
)
def test_f59_tokens_of_others_are_exchanged_where_they_are_trusted_for_that(
    tmp_path: Path, outside: str, claims: dict[str, str], direct: tuple[int, str], exchanged: tuple[int, str]
) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))
    token = bearer(**claims).removeprefix("Bearer ")
    asked = {
        "grant_type": GRANT,
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    shop = {"Authorization": encode_basic_auth("shop", "shop secret")}

    async def scenario() -> tuple[tuple[int, str], tuple[int, str]]:
        async with serving(EXCHANGE.format(issuer=tokens.ISSUER, grant=GRANT, outside=outside), tmp_path) as served:
            called = seen(await served.get("/orders/all", Authorization=f"Bearer {token}"))
            answer = await served.call("POST", "/oauth2/token", headers=shop, data=asked)
            if answer.status != 200:
                return called, (answer.status, answer.json["error"])
            ours = answer.json["access_token"]
            return called, seen(await served.get("/orders/all", Authorization=f"Bearer {ours}"))

    assert (direct, exchanged) == run(scenario())


def test_f59_what_is_for_calls_only_cannot_be_trusted_for_exchange(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))

    async def scenario() -> None:
        async with serving(EXCHANGE.format(issuer=tokens.ISSUER, grant=GRANT, outside="tokens: direct"), tmp_path):
            raise AssertionError("it was taken")

    with pytest.raises(ConfigErrors, match=r"'outside' are not taken here: .* `exchanged` or `both`"):
        run(scenario())
