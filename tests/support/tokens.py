"""Make keys and tokens, good and bad."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from joserfc import jwk, jws

NOW = 1_768_000_000.0
ISSUER = "https://idp.example"


def key(name: str = "a", kind: str = "EC", size: Any = "P-256") -> Any:
    """A private key; the same for the same arguments."""
    return _key(name, kind, size)


@cache
def _key(name: str, kind: str, size: Any) -> Any:
    return jwk.generate_key(kind, size, {"kid": name})


def public(name: str = "a", kind: str = "EC", size: Any = "P-256", **members: Any) -> dict[str, Any]:
    """The public half of ``key``, as a JSON Web Key."""
    return {**key(name, kind, size).as_dict(private=False), **members}


def part(value: Any) -> str:
    """JSON, or text or bytes as they are, in base64url."""
    raw = value if isinstance(value, (bytes, str)) else json.dumps(value)
    return urlsafe_b64encode(raw.encode() if isinstance(raw, str) else raw).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, changed; a claim of None is left out."""
    good = {"iss": ISSUER, "sub": "anna", "azp": "shop-web", "aud": "orders", "iat": NOW - 10, "exp": NOW + 300}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(payload: Any, header: dict[str, Any] | None = None, with_key: Any = None, alg: str = "ES256") -> str:
    """A token whose signature is right, whatever its header and payload say."""
    private = with_key or key()
    text = f"{part({'alg': alg, 'kid': private.kid, **(header or {})})}.{part(payload)}"
    model = jws.JWSRegistry.algorithms[alg]
    return f"{text}.{part(model.sign(text.encode(), private))}"
