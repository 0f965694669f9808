"""The keys of an issuer for which there is no key manager: they are in a file, or written where they are used."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from apim_sdk import KeyManager

from apim_auth.jws import usable

__all__ = ["GivenKeys"]

_PEM: Final = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that only the owner of a key may know (RFC 7518, section 6)."""


@attrs.frozen
class GivenKeys(KeyManager):
    """An issuer that is known by its public keys alone, which never change."""

    issuer: str | None
    given: tuple[Mapping[str, Any], ...] = attrs.field(hash=False)

    generation = 0

    @classmethod
    async def read(cls, file: Path, issuer: str | None) -> GivenKeys:
        """The keys in a file. Raises OSError, and ValueError where it holds none that can verify signatures."""
        content = await asyncio.to_thread(file.read_bytes)
        found = _from_pem(content) if b"-----BEGIN " in content else _from_json(content, file)
        return cls(issuer, cls.of(found, str(file)))

    @classmethod
    def written(cls, document: Any, issuer: str | None) -> GivenKeys:
        """Those of a JWK Set. Raises ValueError where it holds none that can verify signatures."""
        return cls(issuer, cls.of(_listed(document, "`jwks`"), "`jwks`"))

    @staticmethod
    def of(keys: Iterable[Mapping[str, Any]], place: str) -> tuple[Mapping[str, Any], ...]:
        """The public halves of JSON Web Keys. Raises ValueError where none of them can verify signatures."""
        public = tuple({name: value for name, value in key.items() if name not in _PRIVATE} for key in keys)
        if not any(usable(key) for key in public):
            raise ValueError(f"{place} holds no public key for signatures: write a JWK Set, or PEM")
        return public

    def issues(self, claims: Mapping[str, Any]) -> bool:
        return self.issuer is None or claims.get("iss") == self.issuer

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        return tuple(key for key in self.given if key_id is None or key.get("kid") in (key_id, None))


def _from_json(content: bytes, file: Path) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{file} is neither JSON nor PEM: {error}") from error
    return _listed(document, str(file))


def _listed(document: Any, place: str) -> list[Mapping[str, Any]]:
    listed = document.get("keys", [document]) if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
        raise ValueError(f"{place} is no JWK Set: an object with a list `keys`")
    return listed


def _from_pem(content: bytes) -> list[Mapping[str, Any]]:
    """Public keys and those of certificates as JSON Web Keys, without a ``kid``: they are tried for any."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    keys: list[Mapping[str, Any]] = []
    for block in _PEM.finditer(content):
        pem = block[0]
        if block[1] == b"CERTIFICATE":
            public = x509.load_pem_x509_certificate(pem).public_key()
            pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for kind in (RSAKey, ECKey, OKPKey):
            try:
                keys.append(kind.import_key(pem).as_dict(private=False))
                break
            except (JoseError, ValueError, TypeError):
                continue
    return keys
