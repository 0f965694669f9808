"""Reading signed tokens strictly (RFC 7515, RFC 8725)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from apim_keymanagers.resident.jws import InvalidAssertion, parts_of, verified_claims, verify_with
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

KEY = ECKey.generate_key("P-256")
PUBLIC = KEY.as_dict(private=False)
TOKEN = jwt.encode({"alg": "ES256"}, {"sub": "ann"}, KEY)


def text(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_that_a_key_signed_is_read() -> None:
    claims, header = verified_claims(TOKEN, lambda key_id: (PUBLIC,))
    assert ({"sub": "ann"}, "ES256") == (claims, header["alg"])


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c.d", f"{TOKEN}=", f"{TOKEN}\n", f" {TOKEN}", TOKEN + "A" * 20_000, TOKEN.replace(".", "..")],
    ids=range(9),
)
def test_what_is_not_in_compact_form_is_refused(token: str) -> None:
    with pytest.raises(InvalidAssertion):
        verified_claims(token, lambda key_id: (PUBLIC,))


@pytest.mark.parametrize(
    "header",
    [
        b"no json",
        b"[" * 5000,
        b'{"alg":"ES256","alg":"ES256"}',
        [],
        {},
        {"alg": "none"},
        {"alg": ["ES256"]},
        {"alg": "ES256", "kid": 7},
        {"alg": "ES256", "crit": ["exp"], "exp": 1},
        {"alg": "ES256", "jku": "https://evil.example/keys"},
        {"alg": "ES256", "jwk": PUBLIC},
        {"alg": "ES256"},
    ],
    ids=range(12),
)
def test_a_header_that_is_not_in_order_is_refused(header: Any) -> None:
    for claims in ({}, []):
        with pytest.raises(InvalidAssertion):
            verified_claims(f"{text(header)}.{text(claims)}.AAAA", lambda key_id: (PUBLIC,))


def test_bits_that_are_left_over_are_refused() -> None:
    """Another text for the same bytes would be another token to whoever revokes by its text."""
    last = TOKEN[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = TOKEN[:-1] + alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(InvalidAssertion, match="left over"):
        parts_of(other)


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {**PUBLIC, "use": "enc"},
        {**PUBLIC, "alg": "ES384"},
        {**PUBLIC, "crv": "P-384"},
        {**PUBLIC, "x": "AAAA"},
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
        RSAKey.generate_key(2048).as_dict(private=False),
        ECKey.generate_key("P-256").as_dict(private=False),
    ],
    ids=range(10),
)
def test_no_other_key_verifies(key: dict[str, Any]) -> None:
    header, _, signed, signature = parts_of(TOKEN)
    assert verify_with(PUBLIC, header["alg"], signed, signature)
    assert not verify_with(key, header["alg"], signed, signature)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384", None, 7])
def test_the_algorithm_is_the_keys(algorithm: Any) -> None:
    _, _, signed, signature = parts_of(TOKEN)
    assert not verify_with(PUBLIC, algorithm, signed, signature)
