"""The keys that the gateway signs with, and tokens signed by them (RFC 7515, compact form)."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from apim_sdk import Context
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

__all__ = ["Encoding", "SigningKey", "key_set", "read_key", "signing_keys"]

Encoding = Literal["base64url", "base64"]

_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_LEAST_RSA_BITS: Final = 2048
"""RFC 7518, section 3.3."""


@attrs.frozen
class SigningKey:
    """A private key; its ``kid`` is its thumbprint (RFC 7638), so that it is the same on every node."""

    key: Any = attrs.field(repr=False)
    key_id: str
    algorithm: str

    @property
    def public(self) -> Mapping[str, Any]:
        """The public half, as a JSON Web Key."""
        return {**self.key.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: Mapping[str, Any], encoding: Encoding) -> str:
        """A token of these claims.

        With ``base64`` its parts are in the standard alphabet, padded, which is no JWT but what some backends of old
        expect; the signature is over those parts.
        """
        encode = _base64url if encoding == "base64url" else _base64
        header = {"typ": "JWT", "alg": self.algorithm, "kid": self.key_id}
        signing_input = f"{encode(_compact(header))}.{encode(_compact(claims))}"
        signature = JWSRegistry.algorithms[self.algorithm].sign(signing_input.encode(), self.key)
        return f"{signing_input}.{encode(signature)}"


def read_key(file: Path) -> SigningKey:
    """The private key in a PEM file without a password. Raises OSError, and ValueError naming what is wrong with it."""
    try:
        private = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file} holds no private key (PEM, without a password): {error}") from error
    if isinstance(private, rsa.RSAPrivateKey):
        if private.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"{file} holds an RSA key of {private.key_size} bits: {_LEAST_RSA_BITS} is least")
        return _signing_key(RSAKey.import_key(private), "RS256")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _signing_key(ECKey.import_key(private), _CURVES[private.curve.name])
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _signing_key(OKPKey.import_key(private), "EdDSA")
    raise ValueError(f"{file} holds a key that is none to sign with: RSA, P-256, P-384, P-521 or Ed25519")


async def signing_keys(files: Sequence[Path], context: Context) -> Sequence[SigningKey]:
    """The keys in files; without any, one that is made now and that all in this process share.

    Raises OSError and ValueError as ``read_key`` does.
    """
    if files:
        return [read_key(file) for file in files]
    context.log.warning("a signing key is made for this start and this process only; name files under `keys`")
    return await context.shared("the signing key of the gateway", _make_keys)


def key_set(keys: Sequence[SigningKey]) -> bytes:
    """The public halves as a JWK Set (RFC 7517, section 5)."""
    return json.dumps({"keys": [key.public for key in keys]}).encode()


def _signing_key(key: Any, algorithm: str) -> SigningKey:
    return SigningKey(key, key.thumbprint(), algorithm)


def _make_keys() -> Sequence[SigningKey]:
    return [_signing_key(ECKey.generate_key("P-256"), "ES256")]


def _compact(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
