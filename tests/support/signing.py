"""The request of RFC 9421's examples (appendix B.2), its keys (B.1), and signatures over whatever a test wants."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, Final

from apim_sdk import Exchange
from apim_sdk.testing import make_exchange
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CREATED: Final = 1618884473
DIGEST: Final = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
BODY: Final = b'{"hello": "world"}'
SECRET: Final = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
SECRET_BYTES: Final = b64decode(SECRET)
RSA_PSS_PUBLIC: Final = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
"""
ED25519_PUBLIC: Final = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""


def example(*fields: tuple[str, str], line: str = "POST /foo?param=Value&Pet=dog", body: bytes = BODY) -> Exchange:
    """The request that is signed in appendix B.2, with more fields."""
    own = [
        ("Host", "example.com"),
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Digest", DIGEST),
        ("Content-Length", "18"),
    ]
    return make_exchange(line, [*own, *fields], body, scheme="https")


def sign(algorithm: str, key: Any, text: bytes) -> bytes:
    """A signature by one of the algorithms of RFC 9421, section 3.3."""
    if algorithm == "hmac-sha256":
        return hmac.digest(key, text, "sha256")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(text)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = key.curve.key_size // 8
        numbers = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256() if size == 32 else hashes.SHA384())))
        return b"".join(number.to_bytes(size, "big") for number in numbers)
    if algorithm == "rsa-pss-sha512":
        return key.sign(text, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def signature_fields(
    lines: Sequence[tuple[str, str]],
    parameters: str,
    *,
    key: Any = SECRET_BYTES,
    algorithm: str = "hmac-sha256",
    label: str = "sig",
) -> list[tuple[str, str]]:
    """The two fields of a signature over components, given as identifier and value; nothing of ours is used."""
    params = f"({' '.join(identifier for identifier, _ in lines)}){parameters}"
    base = "\n".join([*(f"{identifier}: {value}" for identifier, value in lines), f'"@signature-params": {params}'])
    value = b64encode(sign(algorithm, key, base.encode())).decode()
    return [("Signature-Input", f"{label}={params}"), ("Signature", f"{label}=:{value}:")]
