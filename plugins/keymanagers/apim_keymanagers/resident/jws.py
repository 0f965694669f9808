"""Reading signed tokens: our own, assertions of clients, tokens of issuers that we trust.

The algorithm is the key's choice (RFC 8725, section 3.1); keys that a token brings along, critical extensions,
symmetric algorithms and ``none`` are refused.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

__all__ = ["InvalidAssertion", "parts_of", "verified_claims", "verify_with"]

Key = Mapping[str, Any]

_OF_KEY: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
_LONGEST: Final = 16 * 1024
_FOREIGN: Final = ("jwk", "jku", "x5c", "x5u", "crit", "b64")
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_LEAST_RSA_BITS: Final = 2048


class InvalidAssertion(ValueError):
    """A token is not what a key of its issuer signed, or says what it may not. The text says why."""


def parts_of(token: str, *, own_key: bool = False) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, signed bytes and signature, nothing of it verified. Raises InvalidAssertion.

    ``own_key`` is for proofs that carry their key in ``jwk`` (RFC 9449, section 4.2).
    """
    parts = token.split(".") if len(token) <= _LONGEST else ()
    if len(parts) != 3:
        raise InvalidAssertion("it is no signed JWT in compact form, or too long")
    header = _object(_decoded(parts[0]))
    for name in _FOREIGN:
        if name in header and not (own_key and name == "jwk"):
            raise InvalidAssertion(f"its header has {name}")
    return header, _object(_decoded(parts[1])), f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2])


def verify_with(key: Key, algorithm: Any, signed: bytes, signature: bytes) -> bool:
    """Whether the key made the signature; False too where the key or the algorithm is none to verify with."""
    from joserfc.jws import JWSRegistry

    usable, algorithms = _usable(json.dumps(key, sort_keys=True))
    if usable is None or algorithm not in algorithms:
        return False
    return bool(JWSRegistry.algorithms[algorithm].verify(signed, signature, usable))


def verified_claims(token: str, keys: Callable[[str | None], tuple[Key, ...]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The claims and the header of a token that one of the keys signed. Raises InvalidAssertion. Dates are not looked
    at."""
    header, claims, signed, signature = parts_of(token)
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise InvalidAssertion("its kid is no text")
    if not any(verify_with(key, header.get("alg"), signed, signature) for key in keys(key_id)):
        raise InvalidAssertion("no key of its issuer made its signature")
    return claims, header


@lru_cache(maxsize=1024)
def _usable(text: str) -> tuple[Any, tuple[str, ...]]:
    """A JSON Web Key, imported, and its algorithms; none if it may not verify signatures."""
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey, import_key

    jwk = json.loads(text)
    try:
        possible = _OF_KEY.get((jwk["kty"], jwk.get("crv")), ())
        algorithms = tuple(name for name in possible if jwk.get("alg", name) == name)
        if not algorithms or jwk.get("use", "sig") != "sig":
            return None, ()
        key = import_key({name: value for name, value in jwk.items() if name not in ("alg", "key_ops", "use")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None, ()
    if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS:
        return None, ()
    return key, algorithms


def _decoded(part: str) -> bytes:
    if _PART.fullmatch(part) is None or len(part) % 4 == 1:
        raise InvalidAssertion("it is not in base64url")
    data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise InvalidAssertion("it is not in base64url: bits are left over")
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # which an unpaired surrogate does not survive
    except (ValueError, RecursionError) as error:
        raise InvalidAssertion("it holds no JSON object") from error
    if not isinstance(value, dict):
        raise InvalidAssertion("it holds no JSON object")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("it has two members of one name")
    return members
