"""JSON Web Signatures in compact form (RFC 7515), strictly.

What the standards leave to the reader is refused here: more than one way to write the same bytes, two members of one
name, keys that come with the token (``jwk``, ``jku``, ``x5c``, ``x5u``), critical extensions, symmetric keys and
``none``. The algorithm is the key's and not the token's choice (RFC 8725, section 3.1): a key without ``alg`` takes
those of its type and curve.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NoReturn

import attrs
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry

from apim_auth.rsa_strength import is_weak

__all__ = [
    "ALGORITHMS",
    "InvalidSignature",
    "Signed",
    "algorithm_of",
    "json_object",
    "parse",
    "usable",
    "verify",
    "verify_proof",
]

_OF_KEY: Final[Mapping[tuple[Any, Any], tuple[str, ...]]] = MappingProxyType(
    {
        ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        ("EC", "P-256"): ("ES256",),
        ("EC", "P-384"): ("ES384",),
        ("EC", "P-521"): ("ES512",),
        ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    }
)
"""The algorithms of a key by its type and curve (RFC 7518, section 3.1; RFC 8037; RFC 9864)."""

ALGORITHMS: Final = tuple(name for names in _OF_KEY.values() for name in names)
"""Every algorithm that is accepted."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_KEYS_OF_THE_TOKEN: Final = ("jwk", "jku", "x5c", "x5u")


class InvalidSignature(ValueError):
    """What was presented is not what a key of ours signed. The text says why, for the operator."""


@attrs.frozen
class Signed:
    """A token in its parts, not yet verified."""

    header: Mapping[str, Any]
    algorithm: str
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def key_id(self) -> str | None:
        """The ``kid``. Raises InvalidSignature if it is no text."""
        key_id = self.header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise InvalidSignature("the kid is no text")
        return key_id


def parse(token: str, *, is_proof: bool = False) -> Signed:
    """Take a token apart. Raises InvalidSignature unless it is in compact form and its header in order.

    One that proves to have a key (RFC 9449, section 4.2) brings that key along, as ``jwk``; no other may.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidSignature(f"a token has three parts, this has {len(parts)}")
    header = json_object(_decode(parts[0], "header"), "header")
    for name in _KEYS_OF_THE_TOKEN:
        if name in header and not (is_proof and name == "jwk"):
            raise InvalidSignature(f"the header brings its own key ({name})")
    for name in ("crit", "b64"):
        if name in header:
            raise InvalidSignature(f"the header asks for an extension ({name})")
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise InvalidSignature(f"the algorithm {algorithm!r:.40} is not accepted")
    payload, signature = _decode(parts[1], "payload"), _decode(parts[2], "signature")
    return Signed(header, algorithm, payload, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def verify(token: Signed, keys: Iterable[Mapping[str, Any]], algorithms: Collection[str] = ALGORITHMS) -> None:
    """Hold the signature against JSON Web Keys. Raises InvalidSignature unless one of them made it."""
    if token.algorithm not in algorithms:
        raise InvalidSignature(f"the algorithm {token.algorithm!r} is not one of those configured")
    fits = False
    for jwk in keys:
        key = _usable(json.dumps(jwk, sort_keys=True))
        if key is None or token.algorithm not in key.algorithms:
            continue
        fits = True
        if JWSRegistry.algorithms[token.algorithm].verify(token.signing_input, token.signature, key.key):
            return
    raise InvalidSignature("the signature is wrong" if fits else "no key fits the token's kid and algorithm")


def verify_proof(token: Signed, jwk: Mapping[str, Any]) -> None:
    """Hold the signature against the key that came with it. Raises InvalidSignature unless that made it."""
    key = _of_client(json.dumps(jwk, sort_keys=True))
    if key is None or token.algorithm not in key.algorithms:
        raise InvalidSignature("the key of the proof does not fit its algorithm")
    if not JWSRegistry.algorithms[token.algorithm].verify(token.signing_input, token.signature, key.key):
        raise InvalidSignature("the signature of the proof is wrong")


def algorithm_of(jwk: Mapping[str, Any]) -> str | None:
    """The algorithm to sign by with the private half of a JSON Web Key; None if it is none for signatures."""
    key = _usable(json.dumps(jwk, sort_keys=True))
    return None if key is None else next(name for name in ALGORITHMS if name in key.algorithms)


def usable(jwk: Mapping[str, Any]) -> bool:
    """Whether a JSON Web Key can verify signatures."""
    return _usable(json.dumps(jwk, sort_keys=True)) is not None


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object with no name twice (RFC 8725, section 2.4). Raises InvalidSignature."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # which an unpaired surrogate does not survive
    except (ValueError, RecursionError) as error:
        raise InvalidSignature(f"the {what} is no JSON text: {error}") from error
    if not isinstance(value, dict):
        raise InvalidSignature(f"the {what} is no JSON object")
    return value


@attrs.frozen
class _Usable:
    key: Any
    algorithms: frozenset[str]


def _algorithms_of(jwk: Mapping[str, Any]) -> frozenset[str]:
    possible = _OF_KEY.get((jwk["kty"], jwk.get("crv")), ())
    return frozenset(name for name in possible if jwk.get("alg", name) == name)


def _import(text: str) -> _Usable | None:
    """A JSON Web Key, imported; None if it is none that may verify signatures."""
    jwk = json.loads(text)
    try:
        algorithms = _algorithms_of(jwk)
        if not algorithms or jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ("verify",)):
            return None
        if jwk["kty"] == "RSA" and is_weak(int.from_bytes(urlsafe_b64decode(jwk["n"] + "=="))):
            return None
        key = import_key({name: value for name, value in jwk.items() if name not in ("alg", "key_ops", "use")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return _Usable(key, algorithms)


_usable = lru_cache(maxsize=256)(_import)
"""Keys of issuers are few,"""
_of_client = lru_cache(maxsize=4096)(_import)
"""those of clients are many, and must not drive them out."""


def _decode(part: str, what: str) -> bytes:
    """Base64url without padding (RFC 7515, section 2), and in the one way that gives these bytes."""
    if _BASE64URL.fullmatch(part) is None or len(part) % 4 == 1:
        raise InvalidSignature(f"the {what} is not in base64url")
    data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != part.encode("ascii"):
        raise InvalidSignature(f"the {what} is not in base64url: bits are left over at its end")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("it has two members of one name")
    return members


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
