"""Answers that an authorization server has signed, as JSON Web Signatures in compact form (RFC 7515)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from apim_keymanagers.answers import parse_object
from apim_keymanagers.keyset import Key, Keys

__all__ = ["verified"]

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ALGORITHMS: Final[Mapping[tuple[Any, Any], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
"""The algorithms of a key by its type and curve: the key's choice, not the answer's (RFC 8725, section 3.1)."""


async def verified(token: str, find: Callable[[str | None], Awaitable[Keys]], kind: str) -> dict[str, Any]:
    """The claims of a signed answer of that ``typ``. Raises ValueError unless one of the keys has signed it."""
    if _COMPACT.fullmatch(token) is None:
        raise ValueError("it is no JSON Web Signature")
    head, payload, _ = token.split(".")
    header = parse_object(_decoded(head))
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise ValueError("its kid is no text")
    if "crit" in header or "b64" in header:
        raise ValueError("its header asks for an extension")
    if str(header.get("typ")).lower().removeprefix("application/") != kind:
        raise ValueError(f"its type is not {kind}")
    algorithm = header.get("alg")
    for key in await find(key_id):
        if isinstance(algorithm, str) and algorithm in _algorithms_of(key) and _signed_by(key, token, algorithm):
            return parse_object(_decoded(payload))
    raise ValueError("no key of the server has signed it")


def _algorithms_of(key: Key) -> tuple[str, ...]:
    possible = _ALGORITHMS.get((key.get("kty"), key.get("crv")), ())
    return tuple(name for name in possible if key.get("alg", name) == name)


def _signed_by(key: Key, token: str, algorithm: str) -> bool:
    from joserfc.errors import JoseError  # which loads a library for cryptography: too slow for an import
    from joserfc.jwk import import_key
    from joserfc.jws import JWSRegistry

    signed, _, signature = token.rpartition(".")
    try:
        public = import_key({name: value for name, value in key.items() if name not in ("alg", "key_ops", "use")})
        return JWSRegistry.algorithms[algorithm].verify(signed.encode(), _decoded(signature), public)
    except (JoseError, ValueError, TypeError, KeyError):
        return False


def _decoded(part: str) -> bytes:
    if len(part) % 4 == 1:
        raise ValueError("it is not in base64url")
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
