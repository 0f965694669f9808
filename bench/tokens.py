"""Signed tokens for the secured row: RS256 (RFC 7518), each of a user of its own, made once and kept for a while."""

import json
import time
from pathlib import Path
from typing import Any

import attrs
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://idp.example"
AUDIENCE = "orders"
SCOPE = "orders.read"
APPLICATIONS = tuple(f"shop-{number}" for number in range(10))
"""Client ids that the tokens take in turn, in the claim `azp`."""
LIFETIME_SECONDS = 86_400
LEAST_REMAINING_SECONDS = 7_200


@attrs.frozen
class Tokens:
    """Compact tokens and the key set (RFC 7517) that verifies them."""

    key_set: str
    tokens: tuple[str, ...]
    expires: float
    """Seconds since the epoch."""


def claims(number: int, now: float) -> dict[str, Any]:
    """What an authorization server typically puts into an access token (RFC 9068)."""
    return {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "sub": f"user-{number:06d}",
        "azp": APPLICATIONS[number % len(APPLICATIONS)],
        "scope": f"openid profile {SCOPE} orders.write",
        "jti": f"{number:032x}",
        "iat": int(now),
        "nbf": int(now) - 60,
        "exp": int(now) + LIFETIME_SECONDS,
    }


def sign_tokens(count: int) -> Tokens:
    """Make a 2048-bit key and sign `count` tokens with it; about half a millisecond each."""
    now = time.time()
    key = RSAKey.generate_key(2048, {"kid": "bench-1", "use": "sig", "alg": "RS256"}, private=True)
    header = {"alg": "RS256", "kid": "bench-1", "typ": "at+jwt"}
    tokens = tuple(jwt.encode(header, claims(number, now), key) for number in range(count))
    return Tokens(json.dumps({"keys": [key.as_dict(private=False)]}), tokens, now + LIFETIME_SECONDS)


def tokens_for(count: int, cache: Path) -> Tokens:
    """Take the tokens of an earlier run while they are fresh, else sign and keep them (never the private key)."""
    kept = cache / f"tokens-{count}.json"
    if kept.exists():
        stored = json.loads(kept.read_text())
        if stored["expires"] - time.time() > LEAST_REMAINING_SECONDS:
            return Tokens(stored["key_set"], tuple(stored["tokens"]), stored["expires"])
    fresh = sign_tokens(count)
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(attrs.asdict(fresh)))
    return fresh
