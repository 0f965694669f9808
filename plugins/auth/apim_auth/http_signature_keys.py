"""Keys of clients that sign their requests, and the algorithms of RFC 9421 (section 3.3)."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from apim_sdk import KeyType, Secret

__all__ = ["Algorithm", "SigningKey", "Verify", "secret_bytes"]

Algorithm = Literal[
    "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256"
]
Verify = Callable[[bytes, bytes], bool]
"""Whether a signature (second) is one of a text (first)."""

_LEAST_RSA_BITS: Final = 2048
_LEAST_SECRET: Final = 16


def secret_bytes(secret: Secret, encoding: Literal["text", "base64"]) -> bytes:
    """The bytes of a shared secret. Raises ValueError if they are not written so, or could be guessed."""
    try:
        data = secret.reveal().encode() if encoding == "text" else b64decode(secret.reveal(), validate=True)
    except ValueError:
        raise ValueError("the shared secret is not in base64") from None
    if len(data) < _LEAST_SECRET:
        raise ValueError(f"a shared secret is at least {_LEAST_SECRET} bytes long, as from `openssl rand -base64 32`")
    return data


@attrs.frozen
class SigningKey:
    """A key by which a client signs."""

    algorithm: Algorithm
    """The one algorithm that it signs by."""
    file: Path | None = None
    """PEM file of the public key, or of a certificate that holds it."""
    secret: Secret | None = None
    """The shared secret, for `hmac-sha256`."""
    encoding: Literal["text", "base64"] = "text"
    """Whether the secret is what is written, or the bytes that are written in base64."""
    client_id: str | None = None
    """Client id (a key `client_id`) of the application that signs with it."""
    scopes: tuple[str, ...] = ()
    """Scopes of who signs with it."""
    key_type: KeyType = "production"
    """For which world it is."""

    def __attrs_post_init__(self) -> None:
        if (self.algorithm == "hmac-sha256") != (self.secret is not None) or (self.secret is None) == (
            self.file is None
        ):
            raise ValueError("a key for hmac-sha256 has a `secret`, one for another algorithm has a `file`")
        if self.secret is not None:
            secret_bytes(self.secret, self.encoding)

    def load(self) -> Verify:
        """What verifies. Raises OSError, or ValueError where the file holds no key for the algorithm."""
        if self.secret is not None:
            secret = secret_bytes(self.secret, self.encoding)
            return lambda text, signature: hmac.compare_digest(hmac.digest(secret, text, "sha256"), signature)
        assert self.file is not None, "checked above"
        try:
            return _verifying(self.algorithm, _public_key(self.file.read_bytes()))
        except ValueError as error:
            raise ValueError(f"{self.file}: {error}") from error


def _public_key(data: bytes) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"-----BEGIN CERTIFICATE-----" in data:
        return x509.load_pem_x509_certificate(data).public_key()
    return load_pem_public_key(data)


def _verifying(algorithm: Algorithm, key: Any) -> Verify:
    """How a key verifies. Raises ValueError unless it fits the algorithm."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    arguments: tuple[Any, ...]
    kind: type
    size = 0
    if algorithm == "ed25519":
        kind, arguments = ed25519.Ed25519PublicKey, ()
    elif algorithm in ("ecdsa-p256-sha256", "ecdsa-p384-sha384"):
        size = 32 if algorithm == "ecdsa-p256-sha256" else 48
        kind, arguments = ec.EllipticCurvePublicKey, (ec.ECDSA(hashes.SHA256() if size == 32 else hashes.SHA384()),)
    elif algorithm == "rsa-pss-sha512":
        salted = padding.PSS(padding.MGF1(hashes.SHA512()), hashes.SHA512.digest_size)
        kind, arguments = rsa.RSAPublicKey, (salted, hashes.SHA512())
    else:
        kind, arguments = rsa.RSAPublicKey, (padding.PKCS1v15(), hashes.SHA256())
    if not isinstance(key, kind) or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size != size * 8):
        raise ValueError(f"the key is none for {algorithm}")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        raise ValueError(f"an RSA key has at least {_LEAST_RSA_BITS} bits, this one {key.key_size}")

    def verify(text: bytes, signature: bytes) -> bool:
        try:
            key.verify(_in_der(signature, size) if size else signature, text, *arguments)
        except (InvalidSignature, ValueError):
            return False
        return True

    return verify


def _in_der(signature: bytes, size: int) -> bytes:
    """An ECDSA signature, two numbers of ``size`` bytes, as the library takes it. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if len(signature) != 2 * size:
        raise ValueError("the signature is of another length")
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
