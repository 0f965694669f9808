"""Secrets that the server hands out: how they are made, and how they are kept.

All of them carry at least 128 random bits, so a plain SHA-256 keeps them (there is nothing to guess); passwords, which
people choose, are kept by argon2id in ``passwords``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import Final

from apim_keymanagers.resident.compact import base64url

__all__ = ["challenge_of", "digest", "matches", "new_identifier", "new_secret", "new_user_code"]

_USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Consonants only, so that no words come out (RFC 8628, section 6.1)."""


def new_secret() -> str:
    """256 random bits: a client secret, a code, a refresh token, a session."""
    return secrets.token_urlsafe(32)


def new_identifier() -> str:
    """128 random bits: a token's ``jti``, a client's id."""
    return base64url(os.urandom(16)).decode("ascii")


def new_user_code() -> str:
    """Eight letters that a person can type, about 34 bits: ``WDJB-MJHT``."""
    letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def digest(secret: str) -> str:
    """What is kept of a secret: SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """Whether a secret is the one of which ``digest`` was kept, in constant time."""
    return hmac.compare_digest(digest(secret).encode(), kept.encode())


def challenge_of(verifier: str) -> str:
    """The ``S256`` code challenge of a verifier (RFC 7636, section 4.2)."""
    return base64url(hashlib.sha256(verifier.encode("ascii", "replace")).digest()).decode("ascii")
