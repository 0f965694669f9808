"""A token that is bound to a certificate or key is good only for who has it (RFC 8705, RFC 9449)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from inspect import isawaitable
from ipaddress import ip_address
from typing import Any

import pytest
from apim_auth.certificates import thumbprint
from apim_auth.jwt import JWT
from apim_sdk import Client, Credential, Exchange, Principal, Reject, Secret, TLSInfo, errors
from apim_sdk.testing import FakeContext, FakeKeyManager, build, make_exchange, started
from support.tokens import ISSUER, NOW, claims, public, signed

CERTIFICATE = b"\x30\x03\x02\x01\x07"
OTHER = b"\x30\x03\x02\x01\x08"
BOUND = signed(claims(cnf={"x5t#S256": thumbprint(CERTIFICATE)}))


def shown(
    certificate: bytes | None, headers: Mapping[str, str] = {}, *, trusted: bool = False
) -> Exchange:  # not changed
    tls = TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=certificate)
    return make_exchange(headers=headers, client=Client(ip_address("192.0.2.1"), tls=tls, trusted=trusted))


def judge(token: str, *exchanges: Exchange, **settings: Any) -> Principal:
    async def each() -> Principal:
        context = FakeContext(key_managers={"main": FakeKeyManager(public(), issuer=ISSUER)})
        context.clock.epoch = NOW
        async with started(build(JWT, settings), context) as plugin:
            for exchange in exchanges:
                judged = plugin.judge(Credential("bearer", Secret(token)), exchange)
                principal = await judged if isawaitable(judged) else judged
            return principal

    return asyncio.run(each())


def refused(token: str, *exchanges: Exchange, **settings: Any) -> str:
    with pytest.raises(Reject) as caught:
        judge(token, *exchanges, **settings)
    assert errors.INVALID_CREDENTIALS == caught.value.kind
    assert {"WWW-Authenticate": 'Bearer realm="apim", error="invalid_token"'} == caught.value.headers
    return caught.value.detail or ""


def test_who_shows_the_certificate_may_present_the_token() -> None:
    assert "anna" == judge(BOUND, shown(CERTIFICATE)).subject


@pytest.mark.parametrize("certificate", [None, OTHER])
def test_who_does_not_show_it_may_not(certificate: bytes | None) -> None:
    assert "bound to" in refused(BOUND, shown(certificate))
    assert "bound to" in refused(BOUND, make_exchange())


def test_a_token_that_is_known_is_still_bound() -> None:
    assert "bound to another certificate" in refused(BOUND, shown(CERTIFICATE), shown(OTHER))


def test_a_trusted_proxy_says_what_the_certificate_is() -> None:
    headers = {"Client-Cert": f":{b64encode(CERTIFICATE).decode()}:"}
    settings = {"certificate_header": "Client-Cert"}

    assert "anna" == judge(BOUND, shown(None, headers, trusted=True), **settings).subject
    assert "shows none" in refused(BOUND, shown(None, headers), **settings)
    assert "shows none" in refused(BOUND, shown(None, headers, trusted=True))


def test_bound_tokens_can_be_refused() -> None:
    assert "is bound" in refused(BOUND, shown(CERTIFICATE), bound="refuse")
    assert "anna" == judge(signed(claims()), shown(None), bound="refuse").subject


def test_bound_tokens_can_be_required_however_often_a_bearer_comes() -> None:
    assert "anna" == judge(BOUND, shown(CERTIFICATE), bound="required").subject
    assert "is not bound" in refused(signed(claims()), shown(CERTIFICATE), bound="required")


@pytest.mark.parametrize(
    ("confirmation", "reason"),
    [
        ({"jkt": "x"}, "bound to a key"),
        ({"jkt": "x", "x5t#S256": thumbprint(CERTIFICATE)}, "bound to a key"),
        ({"jwk": {}}, "not known here"),
        ({"kid": "a"}, "not known here"),
        ({"x5t#S256": thumbprint(CERTIFICATE), "kid": "a"}, "not known here"),
        ({"x5t#S256": 7}, "not known here"),
        ({"x5t#S256": ""}, "not known here"),
        ({"x5t#S256": "\u00e9"}, "another certificate"),
        ({}, "no confirmation"),
        ([], "no confirmation"),
        ("x", "no confirmation"),
    ],
)
def test_what_a_bearer_cannot_prove_is_refused(confirmation: Any, reason: str) -> None:
    assert reason in refused(signed(claims(cnf=confirmation)), shown(CERTIFICATE))


def test_a_confirmation_of_null_is_one_that_is_not_known() -> None:
    assert "no confirmation" in refused(signed(claims() | {"cnf": None}), shown(CERTIFICATE))
