"""Make proofs of possession (RFC 9449), good and bad."""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from support.tokens import NOW, claims, key, public, signed

NUMBER = itertools.count()
URL = "https://api.example/orders"


def jkt(name: str = "client") -> str:
    """The thumbprint of a client's key (RFC 7638), by another implementation than the gateway's."""
    return str(key(name).thumbprint())


def bound(name: str = "client", **changes: Any) -> str:
    """An access token that is bound to a client's key."""
    return signed(claims(cnf={"jkt": jkt(name)}, **changes))


def ath(token: str) -> str:
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()


def jwk(name: str = "client") -> dict[str, Any]:
    """A client's public key without its name."""
    return {member: value for member, value in public(name).items() if member != "kid"}


def proof(token: str, header: dict[str, Any] | None = None, name: str = "client", **changes: Any) -> str:
    """A good proof for a GET of URL with the token, changed; a claim of None is left out."""
    good = {"jti": f"proof-{next(NUMBER)}", "htm": "GET", "htu": URL, "iat": NOW, "ath": ath(token)}
    payload = {claim: value for claim, value in {**good, **changes}.items() if value is not None}
    head = {"typ": "dpop+jwt", "kid": None, "jwk": jwk(name), **(header or {})}
    return signed(payload, head, key(name))
