"""A test key lets its holder try one API out, for a while."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from apim_auth.internal_key import InternalKey, claims_for
from apim_auth.internal_key_maker import main, make_internal_key
from apim_sdk import API, Credential, Principal, Reject, Secret, errors
from apim_sdk.testing import FakeContext, build, make_exchange, started
from support.gateway import run, serving
from support.tokens import NOW, key, public, signed

ORDERS = API("orders", "1.0", "/orders/1.0")
SETTINGS = {"keys": [public()]}


def says(**changes: Any) -> dict[str, Any]:
    claims = {**claims_for(ORDERS, "tester", "id-1", NOW - 10, 3600), **changes}
    return {name: value for name, value in claims.items() if value is not None}


def judge(presented: str, api: API = ORDERS, revoked: str | None = None, **settings: Any) -> Principal:
    async def once() -> Principal:
        context = FakeContext()
        context.clock.epoch = NOW
        if revoked is not None:
            context.revocations.revoke(revoked)
        async with started(build(InternalKey, {**SETTINGS, **settings}), context) as plugin:
            return plugin.judge(Credential("internal-key", Secret(presented)), make_exchange(api=api))

    return asyncio.run(once())


def refused(presented: str, **arguments: Any) -> Reject:
    with pytest.raises(Reject) as caught:
        judge(presented, **arguments)
    return caught.value


def test_a_key_lets_in_to_its_api() -> None:
    principal = judge(signed(says(keytype="SANDBOX")))

    assert ("tester", "sandbox", None, NOW + 3590) == (
        principal.subject,
        principal.key_type,
        principal.application,
        principal.expires,
    )


@pytest.mark.parametrize(
    "api",
    [API("stock", "1.0", "/orders/1.0"), API("orders", "2.0", "/orders/1.0"), API("orders", "1.0", "/orders")],
)
def test_a_key_for_another_api_is_forbidden(api: API) -> None:
    assert (errors.NOT_SUBSCRIBED, 403) == ((found := refused(signed(says()), api=api)).kind, found.status)


@pytest.mark.parametrize("token_type", [None, "apiKey", "Bearer", ["InternalKey"]])
def test_a_token_of_another_type_is_no_key(token_type: Any) -> None:
    assert errors.INCORRECT_TOKEN_TYPE == refused(signed(says(token_type=token_type))).kind


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 30, "iat": NOW - 100}, "has expired"),
        ({"exp": None}, "how long it is good"),
        ({"iat": None}, "how long it is good"),
        ({"exp": NOW + 86400}, "for too long"),
        ({"iat": NOW + 31}, "not good yet"),
        ({"sub": None}, "whose or which"),
        ({"jti": None}, "whose or which"),
        ({"pad": "x" * 9000}, "longer than 8192"),
    ],
)
def test_a_key_that_is_not_good_now_is_refused(changes: dict[str, Any], reason: str) -> None:
    found = refused(signed(says(**changes)))

    assert (errors.INVALID_CREDENTIALS, 401) == (found.kind, found.status)
    assert reason in (found.detail or "")
    assert {"WWW-Authenticate": 'InternalKey realm="apim", error="invalid_token"'} == found.headers


@pytest.mark.parametrize("presented", ["x", "a.b.c", signed(says(), {"kid": "a"}, key("evil"))])
def test_what_nobody_of_ours_signed_is_refused(presented: str) -> None:
    assert errors.INVALID_CREDENTIALS == refused(presented).kind


@pytest.mark.parametrize("value", ["id-1", "tester", signed(says())])
def test_a_key_that_was_revoked_is_refused(value: str) -> None:
    presented = value if "." in value else signed(says())
    assert "the key was revoked" == refused(presented, revoked=value).detail


def test_a_key_for_an_api_that_is_not_one_is_forbidden() -> None:
    for api in (None, "orders", ["orders"], {"name": "orders"}):
        assert errors.NOT_SUBSCRIBED == refused(signed(says(api=api))).kind


def test_the_endpoint_does_not_see_the_key() -> None:
    plugin = build(InternalKey, SETTINGS)
    exchange = make_exchange(headers={"internal-key": "x"})

    assert Credential("internal-key", Secret("x")) == plugin.find(exchange)
    plugin.conceal(exchange)
    assert plugin.find(exchange) is None


def test_settings_without_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="say whose signatures are good"):
        build(InternalKey, {})
    with pytest.raises(ValueError, match="no public key"):
        judge("x", keys=[{"kty": "oct", "k": "c2VjcmV0"}])


@pytest.mark.parametrize(("kind", "size"), [("OKP", "Ed25519"), ("EC", "P-256"), ("RSA", 2048)])
@pytest.mark.parametrize("as_pem", [True, False])
def test_a_key_that_was_made_is_good(kind: str, size: Any, as_pem: bool, tmp_path: Path) -> None:
    private = key("maker", kind, size)
    text = private.as_pem(private=True) if as_pem else json.dumps(private.as_dict(private=True)).encode()
    made = make_internal_key(text, ORDERS, "tester", lifetime=60, now=NOW)
    (tmp_path / "public").write_bytes(private.as_pem(private=False))

    assert "tester" == judge(made, file=str(tmp_path / "public"), keys=[]).subject
    assert made != make_internal_key(text, ORDERS, "tester", lifetime=60, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"-----BEGIN X-----",
        key().as_pem(private=False),
        b'{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}',
    ],
)
def test_no_key_is_made_with_what_is_no_private_key(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"[Kk]ey"):
        make_internal_key(text, ORDERS, "tester", lifetime=60, now=NOW)


def test_a_key_made_by_the_command_opens_its_api_over_a_socket(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "private.pem").write_bytes(key().as_pem(private=True))
    (tmp_path / "public.pem").write_bytes(key().as_pem(private=False))

    def made(name: str) -> str:
        assert 0 == main([str(tmp_path / "private.pem"), name, "1.0", "/api", "--lifetime", "10m"])
        return str(capsys.readouterr().out).strip()

    text = """
        management: {enabled: false}
        apis:
          - name: items
            version: "1.0"
            context: /api
            endpoint: {mock: {body: hello}}
            plans: [{name: test, authentication: {internal-key: {file: public.pem}}}]
            operations: [{match: GET /x}]
        """

    async def scenario() -> None:
        async with serving(text, tmp_path) as gateway:
            assert 200 == (await gateway.get("/api/x", Internal_Key=made("items"))).status
            other = await gateway.get("/api/x", Internal_Key=made("others"))
            assert (403, "900908") == (other.status, other.json["code"])
            missing = await gateway.get("/api/x")
            assert (401, 'InternalKey realm="apim"') == (missing.status, missing.headers["WWW-Authenticate"])

    run(scenario)


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: Any) -> None:
    assert 1 == main([str(tmp_path / "none.pem"), "items", "1.0", "/api"])
    assert "none.pem" in capsys.readouterr().err
