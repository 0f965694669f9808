"""How the gateway, and clients of its users, prove who they are."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.client_authentication import ClientSettings, authentication_of, own_authentication
from apim_keymanagers.endpoints import Endpoints
from apim_keymanagers.oidc import OIDC
from apim_sdk import ClientRegistration, RegisteredClient, Secret, Unsupported
from apim_sdk.testing import FakeClock, FakeContext, FakeFetched, build, started
from apim_sdk.upstream import UpstreamTLS
from joserfc import jwk

ISSUER = "https://idp.example"
NOW = 1_768_000_000.0
AWKWARD = "a:b c+d%é&="


def proven(settings: ClientSettings | RegisteredClient) -> tuple[dict[str, str], dict[str, str]]:
    """Form and headers of a request that carries the proof."""
    form: dict[str, str] = {}
    headers: dict[str, str] = {}
    own = isinstance(settings, ClientSettings)
    authentication = own_authentication(settings) if own else authentication_of(settings)
    authentication.prove(form, headers, ISSUER, NOW)
    return form, headers


def test_id_and_secret_are_form_encoded_in_the_header() -> None:
    form, headers = proven(ClientSettings(AWKWARD, Secret(AWKWARD)))

    expected = "a%3Ab+c%2Bd%25%C3%A9%26%3D"
    assert f"{expected}:{expected}" == b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
    assert {} == form


def test_id_and_secret_are_in_the_form() -> None:
    form, headers = proven(ClientSettings("shop", Secret(AWKWARD), "client_secret_post"))

    assert ({"client_id": "shop", "client_secret": AWKWARD}, {}) == (form, headers)


def test_a_bearer_shows_its_token() -> None:
    assert ({}, {"Authorization": "Bearer t"}) == proven(ClientSettings(secret=Secret("t"), method="bearer"))


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth", "none"])
def test_who_shows_a_certificate_or_nothing_says_its_id(method: Any) -> None:
    assert ({"client_id": "shop"}, {}) == proven(ClientSettings("shop", method=method))


def test_an_assertion_is_for_the_issuer_good_for_a_minute_and_used_once() -> None:
    settings = ClientSettings("shop", Secret("0123456789abcdef0123456789abcdef"), "client_secret_jwt")
    first, second = (claims_of(proven(settings)[0]["client_assertion"]) for _ in range(2))

    assert first["jti"] != second["jti"]
    assert {"iss": "shop", "sub": "shop", "aud": ISSUER, "iat": int(NOW), "exp": int(NOW) + 60} == {
        name: value for name, value in first.items() if name != "jti"
    }


@pytest.mark.parametrize(
    ("kind", "size", "algorithm", "expected"),
    [
        ("RSA", 2048, None, "RS256"),
        ("RSA", 2048, "PS256", "PS256"),
        ("EC", "P-256", None, "ES256"),
        ("EC", "P-384", None, "ES384"),
        ("EC", "P-521", None, "ES512"),
        ("OKP", "Ed25519", None, "EdDSA"),
    ],
)
def test_the_algorithm_is_that_of_the_key(
    tmp_path: Path, kind: Any, size: Any, algorithm: str | None, expected: str
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(jwk.generate_key(kind, size).as_pem(private=True))

    form, _ = proven(ClientSettings("shop", key=file, key_id="k", algorithm=algorithm, audience="urn:token"))

    header = json.loads(decoded(form["client_assertion"].split(".")[0]))
    assert {"alg": expected, "typ": "JWT", "kid": "k"} == header
    assert "urn:token" == claims_of(form["client_assertion"])["aud"]


@pytest.mark.parametrize(
    "content",
    [
        "no key",
        "{}",
        '{"kty": "oct", "k": "AAAA"}',
        json.dumps(jwk.generate_key("EC", "P-256").as_dict(private=False)),
        jwk.generate_key("EC", "P-256").as_pem(private=False).decode(),
    ],
    ids=["text", "no JWK", "symmetric", "public JWK", "public PEM"],
)
def test_a_file_without_a_private_key_stops_the_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)

    with pytest.raises(ValueError, match="holds no private key") as caught:
        asyncio.run(start({"id": "shop", "key": str(file)}))

    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(start({"id": "shop", "key": str(tmp_path / "key")}))


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ({"secret": "s"}, "say which client"),
        ({"id": "shop", "method": "client_secret_post"}, "needs the `secret`"),
        ({"id": "shop", "method": "private_key_jwt"}, "needs the file of a private `key`"),
        ({"id": "shop"}, "needs the certificate"),
        ({"id": "shop", "method": "magic"}, "magic"),
    ],
)
def test_credentials_that_prove_nothing_are_refused(credentials: dict[str, str], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(OIDC, {"issuer": ISSUER, "credentials": credentials})


def test_what_only_the_client_itself_has_is_not_made_up() -> None:
    for method in ("private_key_jwt", "tls_client_auth", "client_secret_basic"):
        with pytest.raises(Unsupported, match=f"proves who it is by {method}"):
            authentication_of(RegisteredClient("c", None, ClientRegistration("", token_endpoint_auth_method=method)))


def test_a_public_client_says_its_id() -> None:
    public = RegisteredClient("c", None, ClientRegistration("", token_endpoint_auth_method="none"))

    assert ({"client_id": "c"}, {}) == proven(public)


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(jwk.generate_key("EC", "P-256").as_pem(private=True))
    for settings in (ClientSettings("c", Secret("hidden")), ClientSettings("c", Secret("hidden"), key=file)):
        assert "hidden" not in repr(settings) + repr(own_authentication(settings))


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (None, "token"),
        (UpstreamTLS(ca=Path("ca.pem")), "token"),
        (UpstreamTLS(certificate=Path("certificate.pem")), "mtls/token"),
    ],
)
def test_who_shows_a_certificate_uses_the_endpoints_that_are_made_for_that(
    tls: UpstreamTLS | None, expected: str
) -> None:
    """RFC 8705, section 5."""
    metadata = {
        "token_endpoint": f"{ISSUER}/token",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "mtls_endpoint_aliases": {"token_endpoint": f"{ISSUER}/mtls/token"},
    }

    async def urls() -> tuple[str, str]:
        endpoints = Endpoints(ISSUER, Known(metadata), FakeContext().fetch, FakeClock(), tls=tls)  # type: ignore[arg-type]
        return await endpoints.url("token_endpoint"), await endpoints.url("revocation_endpoint")

    assert (f"{ISSUER}/{expected}", f"{ISSUER}/revoke") == asyncio.run(urls())


class Known:
    """Metadata that is there already."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    async def metadata(self) -> dict[str, Any]:
        return self._content


async def start(credentials: dict[str, str]) -> None:
    keys = FakeFetched(200, {}, b'{"keys": [{"kty": "RSA", "n": "n", "e": "AQAB"}]}')
    settings = {"issuer": ISSUER, "jwks": {"url": f"{ISSUER}/jwks"}, "credentials": credentials}
    async with started(build(OIDC, settings), FakeContext(fetches={f"{ISSUER}/jwks": keys})):
        pass


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(assertion: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decoded(assertion.split(".")[1]))
    return claims
