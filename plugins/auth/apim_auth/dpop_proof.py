"""Proofs of possession (RFC 9449, section 4): what a client signs to show that it has the key of its token."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from apim_auth import jws
from apim_auth.claims import InvalidClaims, date_of, text_of

__all__ = ["Proof", "key_thumbprint", "normal_url", "token_hash"]

_MOST: Final = 8192
"""Characters of the longest proof that is looked at."""
_LONGEST_ID: Final = 256
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that only the owner of a key may know (RFC 7518, section 6)."""
_MEMBERS: Final[Mapping[Any, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
"""What of a key makes its thumbprint (RFC 7638, section 3.2; RFC 8037, section 2)."""
_PRINTABLE: Final = re.compile(r"[!-~]+")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_PORTS: Final = {"http": 80, "https": 443}


@attrs.frozen
class Proof:
    """A proof whose signature is right: by the key of that thumbprint, for one request, at one time."""

    thumbprint: str
    id: str
    issued_at: float
    nonce: str | None

    @classmethod
    def verified(cls, text: str, *, thumbprint: str, method: str, url: str, token: str) -> Proof:
        """The proof, if it is by the key of ``thumbprint``, for this request and access token.

        ``url`` is as ``normal_url`` has it. Raises InvalidSignature or InvalidClaims. When it was issued, whether it
        was seen before and its nonce are not looked at.
        """
        if len(text) > _MOST:
            raise InvalidClaims(f"the proof is longer than {_MOST} characters")
        signed = jws.parse(text, is_proof=True)
        if signed.header.get("typ") != "dpop+jwt":
            raise InvalidClaims("the proof does not say that it is one (typ)")
        jwk = signed.header.get("jwk")
        if not isinstance(jwk, Mapping) or not _PRIVATE.isdisjoint(jwk):
            raise InvalidClaims("the proof does not bring one public key (jwk)")
        # Before the signature is looked at: whose key it is has to be known, so that strangers cost little.
        if not _equal(key_thumbprint(jwk), thumbprint):
            raise InvalidClaims("the proof is by another key than the one that the token is bound to")
        jws.verify_proof(signed, jwk)
        claims = jws.json_object(signed.payload, "payload of the proof")
        if claims.get("htm") != method:
            raise InvalidClaims("the proof is for another method (htm)")
        if not url or (claims.get("htu") != url and normal_url(text_of(claims, "htu") or "") != url):
            raise InvalidClaims("the proof is for another URL (htu)")
        if not _equal(text_of(claims, "ath") or "", token_hash(token)):
            raise InvalidClaims("the proof is for another token (ath)")
        proof_id, issued_at = text_of(claims, "jti"), date_of(claims, "iat")
        if proof_id is None or len(proof_id) > _LONGEST_ID or issued_at is None:
            raise InvalidClaims("the proof does not say which one it is, or when it was made (jti, iat)")
        return cls(thumbprint, proof_id, issued_at, text_of(claims, "nonce"))

    @property
    def digest(self) -> bytes:
        """What tells this proof from all others, in 32 bytes."""
        return sha256(f"{self.thumbprint} {self.id}".encode("utf-8", "surrogatepass")).digest()


def key_thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a JSON Web Key (RFC 7638). Raises InvalidClaims where it has none."""
    kind = jwk.get("kty")
    names = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if names is None or not all(isinstance(jwk.get(name), str) for name in names):
        raise InvalidClaims("the key of the proof is of no kind that is known here")
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return _encode(sha256(text.encode("utf-8", "surrogatepass")).digest())


def token_hash(token: str) -> str:
    """The ``ath`` of an access token (RFC 9449, section 4.2)."""
    return _encode(sha256(token.encode("utf-8", "surrogatepass")).digest())


def normal_url(url: str) -> str:
    """An HTTP URL without query and fragment, in normal form (RFC 3986, sections 6.2.2 and 6.2.3); "" if it is none."""
    if _PRINTABLE.fullmatch(url) is None:
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port is None or port == _PORTS[parts.scheme] else f"{host}:{port}"
    return f"{parts.scheme}://{place}{_normal_path(parts.path)}"


def _normal_path(path: str) -> str:
    """Escapes in one spelling, and without dot segments (RFC 3986, section 5.2.4)."""
    segments: list[str] = []
    *before, last = _ESCAPE.sub(_normal_escape, path).split("/")[1:] or [""]
    for segment in before:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if last == "..":
        del segments[-1:]
    return "/" + "".join(f"{segment}/" for segment in segments) + ("" if last in (".", "..") else last)


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _equal(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
