"""The backend gets a signed token that says who called, and the keys to check it by."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_auth.backend_jwt import BackendJWT
from apim_auth.jwks import JWKS
from apim_sdk import ANONYMOUS, API, Application, Exchange, Plan, Principal
from apim_sdk.testing import FakeClock, FakeContext, build, make_exchange, started
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk, jwt
from support.gateway import run, serving

NOW = 1_768_000_000.0
SHOP = Application("shop", "app-1", owner="bert", tenant="acme", attributes={"tier": "x"})
ANNA = Principal(
    "anna",
    frozenset({"read"}),
    {"sub": "anna", "email": "a@b.example", "exp": NOW + 900, "scope": ["read"], "jti": "1", "iss": "https://idp"},
    client_id="shop-web",
    expires=NOW + 900,
)


def exchange(principal: Principal | None = ANNA, application: Application | None = SHOP) -> Exchange:
    made = make_exchange("GET /x", {"X-JWT-Assertion": "forged"}, api=API("orders", "1.0", "/orders"))
    made.principal, made.application, made.plan = principal, application, Plan("gold")
    return made


def tokens_of(settings: dict[str, Any], *exchanges: Exchange, clock: FakeClock | None = None) -> list[str | None]:
    """What each exchange's backend gets, and at the end the key set."""

    async def scenario() -> list[str | None]:
        context = FakeContext(clock=clock or FakeClock(NOW))
        keys = {"keys": settings["keys"]} if "keys" in settings else {}
        endpoint = build(JWKS, keys)
        async with started(build(BackendJWT, settings), context) as policy:
            await endpoint.start(context)
            for each in exchanges:
                policy.on_request(each)
            answer = await endpoint.send(make_exchange())
            assert "application/jwk-set+json" == answer.headers["Content-Type"]
            document = await answer.body.read()
        header = settings.get("header", "X-JWT-Assertion")
        return [*(each.request.headers.get(header) for each in exchanges), document.decode()]

    return asyncio.run(scenario())


def decoded(token: str | None, keys: str | None) -> Any:
    assert token is not None
    assert keys is not None
    return jwt.decode(token, jwk.KeySet.import_key_set(json.loads(keys)), algorithms=["RS256", "ES256", "EdDSA"])


def pem(folder: Path, kind: str = "EC", size: Any = "P-256", name: str = "key.pem") -> str:
    file = folder / name
    file.write_bytes(jwk.generate_key(kind, size).as_pem(private=True))
    return str(file)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # backends that know Ed25519 by its new name are rare yet
@pytest.mark.parametrize(
    ("kind", "size", "algorithm"), [("RSA", 2048, "RS256"), ("EC", "P-256", "ES256"), ("OKP", "Ed25519", "EdDSA")]
)
def test_the_token_is_signed_by_the_first_key_and_can_be_checked_by_the_key_set(
    tmp_path: Path, kind: str, size: Any, algorithm: str
) -> None:
    first, second = pem(tmp_path, kind, size), pem(tmp_path, name="next.pem")

    token, keys = tokens_of({"keys": [first, second]}, exchange())

    published = json.loads(keys or "")["keys"]
    assert 2 == len(published)
    assert not any("d" in key for key in published)
    assert {"typ": "JWT", "alg": algorithm, "kid": published[0]["kid"]} == decoded(token, keys).header


def test_its_claims_say_who_calls_for_whom_and_how(tmp_path: Path) -> None:
    token, keys = tokens_of({"keys": [pem(tmp_path)]}, exchange())
    dialect = "http://wso2.org/claims/"
    assert {
        "iss": "wso2.org/products/am",
        "sub": "anna",
        "email": "a@b.example",
        "scope": ["read"],
        "iat": int(NOW),
        "exp": int(NOW) + 900,
        f"{dialect}apicontext": "/orders",
        f"{dialect}apiname": "orders",
        f"{dialect}version": "1.0",
        f"{dialect}keytype": "PRODUCTION",
        f"{dialect}usertype": "APPLICATION_USER",
        f"{dialect}enduser": "anna",
        f"{dialect}tier": "gold",
        f"{dialect}applicationid": "app-1",
        f"{dialect}applicationUUId": "app-1",
        f"{dialect}applicationname": "shop",
        f"{dialect}subscriber": "bert",
        f"{dialect}enduserTenantId": "acme",
        f"{dialect}applicationAttributes": {"tier": "x"},
    } == decoded(token, keys).claims


def test_names_audience_and_what_is_passed_on_are_chosen(tmp_path: Path) -> None:
    settings = {
        "keys": [pem(tmp_path)],
        "dialect": "",
        "audience": ["orders"],
        "issuer": "https://gateway.example",
        "excluded_claims": ["email"],
        "claims": {"path": "{{ request.path }}"},
    }
    token, keys = tokens_of(settings, exchange(application=None))
    claims = decoded(token, keys).claims
    assert ("https://gateway.example", ["orders"], "orders", "/x") == (
        claims["iss"],
        claims["aud"],
        claims["apiname"],
        claims["path"],
    )
    assert "email" not in claims
    token, keys = tokens_of({"keys": settings["keys"], "token_claims": False}, exchange())
    assert "scope" not in decoded(token, keys).claims


def test_a_token_is_not_good_for_longer_than_the_credential(tmp_path: Path) -> None:
    token, keys = tokens_of({"keys": [pem(tmp_path)]}, exchange(attrs.evolve(ANNA, expires=NOW + 60)))
    assert int(NOW) + 60 == decoded(token, keys).claims["exp"]


def test_one_principal_gets_the_same_token_until_half_its_life_is_over(tmp_path: Path) -> None:
    clock = FakeClock(NOW)

    async def scenario() -> list[str | None]:
        async with started(build(BackendJWT, {"keys": [pem(tmp_path)]}), FakeContext(clock=clock)) as policy:
            found = []
            for seconds in (0, 449, 2):
                clock.advance(seconds)
                each = exchange()
                policy.on_request(each)
                found.append(each.request.headers["X-JWT-Assertion"])
            return found

    first, again, later = asyncio.run(scenario())
    assert first == again
    assert first != later


def test_every_principal_application_and_plan_has_a_token_of_its_own(tmp_path: Path) -> None:
    sandbox = exchange()
    sandbox.key_type = "sandbox"
    silver = exchange()
    silver.plan = Plan("silver")
    keyed = exchange(Principal("shop", application=SHOP))
    other = exchange(Principal("other", application=SHOP))
    twin = exchange(attrs.evolve(ANNA, claims={**ANNA.claims, "email": "c@d.example"}))
    *tokens, _ = tokens_of(
        {"keys": [pem(tmp_path)]}, exchange(), sandbox, silver, keyed, other, twin, exchange(application=None)
    )
    assert 7 == len(set(tokens))


def test_callers_with_keys_get_the_same_token_though_each_call_makes_its_own_principal(tmp_path: Path) -> None:
    first, second, _ = tokens_of(
        {"keys": [pem(tmp_path)]},
        exchange(Principal("shop", application=SHOP)),
        exchange(Principal("shop", application=SHOP)),
    )
    assert first == second


def test_an_application_that_was_changed_is_told_of_as_it_is_now(tmp_path: Path) -> None:
    moved = attrs.evolve(SHOP, owner="carl")
    before, after, again, keys = tokens_of(
        {"keys": [pem(tmp_path)]}, exchange(), exchange(application=moved), exchange(application=moved)
    )
    said = [decoded(token, keys).claims["http://wso2.org/claims/subscriber"] for token in (before, after)]
    assert ["bert", "carl"] == said
    assert after == again


def test_of_two_keys_of_an_application_each_gets_a_token_for_its_own_time(tmp_path: Path) -> None:
    lasting, brief, keys = tokens_of(
        {"keys": [pem(tmp_path)]},
        exchange(Principal("shop", application=SHOP)),
        exchange(Principal("shop", application=SHOP, expires=NOW + 60)),
    )
    assert [int(NOW) + 900, int(NOW) + 60] == [decoded(each, keys).claims["exp"] for each in (lasting, brief)]


@pytest.mark.parametrize("principal", [None, ANONYMOUS])
def test_who_calls_without_a_credential_gets_no_token_and_no_forged_one_through(
    tmp_path: Path, principal: Principal | None
) -> None:
    assert [None] == tokens_of({"keys": [pem(tmp_path)]}, exchange(principal, None))[:1]


def test_base64_is_a_switch_for_backends_that_want_it(tmp_path: Path) -> None:
    token, _ = tokens_of({"keys": [pem(tmp_path)], "encoding": "base64"}, exchange())
    assert token is not None
    header, claims, signature = token.split(".")
    assert "JWT" == json.loads(base64.b64decode(header, validate=True))["typ"]
    assert "anna" == json.loads(base64.b64decode(claims, validate=True))["sub"]
    assert 64 == len(base64.b64decode(signature, validate=True))


def test_without_files_policy_and_key_set_share_a_key_that_is_made() -> None:
    token, keys = tokens_of({}, exchange())
    assert "anna" == decoded(token, keys).claims["sub"]


def small_rsa_key() -> bytes:
    key = rsa.generate_private_key(65537, 1024)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"nonsense", "holds no private key"),
        (jwk.generate_key("EC", "P-256").as_pem(private=False), "holds no private key"),
        (small_rsa_key(), "1024 bits"),
        (jwk.generate_key("EC", "secp256k1").as_pem(private=True), "none to sign with"),
    ],
)
def test_a_file_that_cannot_sign_is_refused_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "bad.pem").write_bytes(content)
    with pytest.raises(ValueError, match=rf"bad\.pem.*{problem}"):
        tokens_of({"keys": [str(tmp_path / "bad.pem")]})


def test_a_backend_sees_the_token_and_finds_its_key_at_the_gateway(tmp_path: Path) -> None:
    pem(tmp_path, name="backend.pem")
    text = """
    management: {enabled: false}
    apis:
      - name: orders
        context: /orders
        endpoint: {mock: {body: "{{ request.headers['x-jwt-assertion'] }}"}}
        plans: [{name: gold, authentication: {api-key: {}}}]
        flows: {request: [{backend-jwt: {keys: [backend.pem]}}]}
        operations: [{match: GET /x}]
      - name: keys
        context: /jwks
        endpoint: {jwks: {keys: [backend.pem]}}
        plans: [{name: public, authentication: {keyless: {}}}]
        operations: [{match: GET /}]
    applications:
      - {name: shop, owner: bert, keys: [{api-key: k-1}], subscriptions: [{api: orders, plan: gold}]}
    """

    async def scenario() -> None:
        async with serving(text, tmp_path) as served:
            token = (await served.get("/orders/x", X_API_Key="k-1")).body.decode()
            keys = (await served.get("/jwks")).body.decode()
            claims = decoded(token, keys).claims
            assert ("shop", "bert") == (claims["sub"], claims["http://wso2.org/claims/subscriber"])
            forged = await served.get("/orders/x", X_API_Key="k-1", X_JWT_Assertion="forged")
            assert token == forged.body.decode()

    run(scenario())


@pytest.mark.parametrize("dialect", ["http://wso2.org/claims", ""])
def test_a_caller_cannot_say_what_only_the_gateway_knows(dialect: str) -> None:
    prefix = f"{dialect}/" if dialect else ""
    said = {
        f"{prefix}{name}": "forged" for name in ("applicationname", "subscriber", "tier", "enduserTenantId", "version")
    }
    made = exchange(Principal("eve", claims={"email": "e@b.example", **said}), application=None)
    made.plan = None
    claims = decoded(*tokens_of({"dialect": dialect}, made)).claims
    assert "forged" not in claims.values()
    assert "e@b.example" == claims["email"]


@pytest.mark.parametrize("name", ["X_User_Token", "x-user_token", "X_USER-Token"])
@pytest.mark.parametrize("principal", [ANNA, ANONYMOUS, None])
def test_an_alias_of_the_header_never_gets_through(name: str, principal: Principal | None) -> None:
    made = exchange(principal)
    made.request.headers.set(name, "forged")
    made.request.headers.set("X_Other", "kept")
    tokens_of({"header": "X-User-Token"}, made)
    assert (None, "kept") == (made.request.headers.get(name), made.request.headers.get("X_Other"))
