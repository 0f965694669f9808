"""Keys that are signed tokens, as WSO2 API Manager gave them out, are good as long as they say."""

from __future__ import annotations

import asyncio
import datetime
import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from apim_auth.api_key import APIKey
from apim_sdk import Client, Exchange, Principal, Reject
from apim_sdk.exchange import API
from apim_sdk.testing import FakeContext, build, make_exchange, started
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support.client_certificates import issue
from support.tokens import NOW, key, public, signed

RSA: dict[str, Any] = {"name": "gateway_certificate_alias", "kind": "RSA", "size": 2048}


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "sub": "admin@carbon.super",
        "application": {"owner": "admin", "tier": "Unlimited", "name": "shop", "id": 2, "uuid": "0f-1"},
        "iss": "https://localhost:9443/oauth2/token",
        "keytype": "PRODUCTION",
        "permittedReferer": "",
        "token_type": "apiKey",
        "permittedIP": "",
        "iat": NOW,
        "jti": "j-1",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(**changes: Any) -> str:
    return signed(claims(**changes), {"typ": "JWT"}, key(**RSA), "RS256")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    private: Any = key(**RSA).private_key
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=9))
    file = tmp_path_factory.mktemp("keys") / "gateway.pem"
    file.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


def judged(
    settings: dict[str, Any], value: str, exchange: Exchange | None = None, revoked: str = "", **others: Any
) -> Principal:
    context = FakeContext()
    context.clock.epoch = NOW
    exchange = exchange or make_exchange()
    exchange.request.headers.set("X-API-Key", value)

    async def judge() -> Principal:
        async with started(build(APIKey, {"jwt": settings, **others}), context) as plugin:
            credential = plugin.find(exchange)
            assert credential is not None
            principal = plugin.judge(credential, exchange)
            if revoked:
                context.revocations.revoke(revoked)
            assert plugin.judge(credential, exchange) is principal
            return principal

    return asyncio.run(judge())


def test_the_application_is_found_by_its_uuid(certificate: Path) -> None:
    principal = judged({"certificate": str(certificate)}, token())

    assert ("admin@carbon.super", "0f-1", "production") == (
        principal.subject,
        principal.client_id,
        principal.key_type,
    )
    assert principal.expires is None


def test_its_issuer_may_be_known_by_a_jwk_set(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [public("other"), public(**RSA)]}))

    assert "0f-1" == judged({"jwks": str(file)}, token()).client_id


@pytest.mark.parametrize(("kind", "size", "algorithm"), [("EC", "P-256", "ES256"), ("OKP", "Ed25519", "EdDSA")])
def test_the_certificate_may_be_of_another_kind(kind: str, size: str, algorithm: str, tmp_path: Path) -> None:
    file = issue("gateway", key=key("other", kind, size).private_key).written(tmp_path, "gateway.pem")
    value = signed(claims(), {"typ": "JWT"}, key("other", kind, size), algorithm)

    assert "0f-1" == judged({"certificate": str(file)}, value).client_id


def test_a_sandbox_key_says_so(certificate: Path) -> None:
    assert "sandbox" == judged({"certificate": str(certificate)}, token(keytype="SANDBOX")).key_type


def test_a_key_of_an_unknown_kind_says_nothing(certificate: Path) -> None:
    assert judged({"certificate": str(certificate)}, token(keytype=["SANDBOX"])).key_type is None


def test_scopes_are_those_of_the_plan(certificate: Path) -> None:
    assert {"read"} == judged({"certificate": str(certificate)}, token(), scopes=["read"]).scopes


@pytest.mark.parametrize(
    "value",
    [
        token(exp=NOW - 31),
        token(token_type="InternalKey"),
        token(token_type=None),
        token(application=None),
        token(sub=None),
        token(exp="never"),
        token(permittedIP="10.0.0.0/99"),
        token(permittedReferer=7),
        token(subscribedAPIs="all"),
        token()[:-4] + "AAAA",
        signed(claims(), {"typ": "JWT"}, key("other", "RSA", 2048), "RS256"),
        "a.b.c",
        "..",
        "x" * 17_000 + "..",
    ],
    ids=str.__len__,
)
def test_a_key_that_is_not_in_order_is_refused(value: str, certificate: Path) -> None:
    with pytest.raises(Reject) as refusal:
        judged({"certificate": str(certificate)}, value)

    assert (401, "900901") == (refusal.value.status, refusal.value.kind.code)


@pytest.mark.parametrize("expires", [NOW + 1, -1])
def test_a_key_is_good_until_it_expires(expires: float, certificate: Path) -> None:
    principal = judged({"certificate": str(certificate)}, token(exp=expires))

    assert (None if expires == -1 else expires) == principal.expires


@pytest.mark.parametrize("revoked", ["j-1", token()], ids=["by its jti", "by itself"])
def test_a_key_that_is_revoked_is_refused_from_then_on(revoked: str, certificate: Path) -> None:
    value = revoked if revoked != "j-1" else token()

    with pytest.raises(Reject) as refusal:
        judged({"certificate": str(certificate)}, value, revoked=revoked)

    assert 401 == refusal.value.status


def test_a_key_is_forbidden_from_an_address_that_it_does_not_permit(certificate: Path) -> None:
    value = token(permittedIP="10.0.0.0/8, 203.0.113.7")
    here, there = (make_exchange(client=Client(ip_address(each))) for each in ("203.0.113.7", "203.0.113.8"))

    assert "0f-1" == judged({"certificate": str(certificate)}, value, here).client_id
    with pytest.raises(Reject) as refusal:
        judged({"certificate": str(certificate)}, value, there)
    assert 403 == refusal.value.status


def test_a_key_is_forbidden_on_a_page_that_it_does_not_permit(certificate: Path) -> None:
    value = token(permittedReferer="www.a.com/p,*.c.com/*")

    assert judged({"certificate": str(certificate)}, value, make_exchange(headers={"Referer": "https://x.c.com/"}))
    with pytest.raises(Reject) as refusal:
        judged({"certificate": str(certificate)}, value)
    assert 403 == refusal.value.status


def test_a_key_that_lists_its_apis_is_forbidden_at_others(certificate: Path) -> None:
    listed = [{"name": "orders", "context": "/orders/1.0", "version": "1.0", "subscriptionTier": "Gold"}]
    value = token(subscribedAPIs=listed)

    assert judged({"certificate": str(certificate)}, value, make_exchange(api=API("orders", "1.0", "/orders")))
    for other in (API("orders", "2.0", "/orders"), API("stock", "1.0", "/stock")):
        with pytest.raises(Reject) as refusal:
            judged({"certificate": str(certificate)}, value, make_exchange(api=other))
        assert (403, "900908") == (refusal.value.status, refusal.value.kind.code)


@pytest.mark.parametrize("settings", [{}, {"certificate": "a.pem", "jwks": "b.json"}])
def test_settings_that_do_not_name_one_place_for_the_key_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="say whose signature is good"):
        build(APIKey, {"jwt": settings})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": 3}', '{"keys": [{"kty": "x"}]}'])
def test_a_file_that_holds_no_keys_stops_the_start(text: str, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(text)

    with pytest.raises(ValueError, match="no JWK Set"):
        judged({"jwks": str(file)}, token())


def test_a_signed_key_is_like_any_other_where_they_are_not_taken() -> None:
    async def judge() -> None:
        exchange = make_exchange(headers={"X-API-Key": token()})
        async with started(build(APIKey), FakeContext()) as plugin:
            credential = plugin.find(exchange)
            assert credential is not None
            plugin.judge(credential, exchange)

    with pytest.raises(Reject) as refusal:
        asyncio.run(judge())
    assert "nobody holds the key" == refusal.value.detail
