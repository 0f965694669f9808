"""What credentials are known by without being kept: their hashes."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["IDENTIFIERS", "digest_of_key", "digest_of_token", "short"]

IDENTIFIERS: Final = frozenset({"client_id", "certificate"})
"""Kinds of keys that name an application without proving anything by themselves: they are kept as they are."""


def digest_of_key(kind: str, value: str, key_manager: str | None = None) -> str:
    """SHA-256 of a key, in hexadecimal; one value is another key for each kind and key manager."""
    owner = kind if key_manager is None else f"{kind}\0{key_manager}"
    return _sha256(f"{owner}\0{value}")


def digest_of_token(token: str) -> str:
    """SHA-256 of a token's bytes, in hexadecimal."""
    return _sha256(token)


def short(digest: str) -> str:
    """The part of a digest that names something: 128 bits, in hexadecimal."""
    return digest[:32]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
