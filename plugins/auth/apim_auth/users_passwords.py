"""Passwords that are kept as slow hashes: bcrypt and Argon2id."""

from __future__ import annotations

import re
from typing import Final

from apim_sdk.argon2 import ARGON2_TURN

__all__ = ["NOBODYS", "UnfitHash", "check_hash", "matches"]

_BCRYPT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_ARGON2ID: Final = re.compile(
    r"\$argon2id\$v=19\$m=\d{1,8},t=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}"
)
_UNFIT: Final = (
    ("$apr1$", "MD5 (apr1)"),
    ("$1$", "MD5"),
    ("{SHA}", "SHA-1 without a salt"),
    ("{SSHA}", "SHA-1"),
    ("$5$", "crypt's SHA-256"),
    ("$6$", "crypt's SHA-512"),
    ("$argon2i$", "Argon2i"),
    ("$argon2d$", "Argon2d"),
    ("$argon2id$", "Argon2id in a form that cannot be read"),
    ("$2", "bcrypt in a form that cannot be read"),
)
NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$tQOQPNOLetBVvkKwHVXbww$kzx0AafJ4VOfNzpIMREWaDBRpnvuqy3rj7PbOOztWc4"
"""What a password is held against where there is no user, so that it takes as long (RFC 9106, section 4)."""
_BCRYPT_BYTES: Final = 72
"""How much of a password bcrypt looks at."""


class UnfitHash(ValueError):
    """A password is kept in a way that is not accepted; the text says in which."""


def check_hash(text: str) -> None:
    """Raises UnfitHash unless the text is a bcrypt or Argon2id hash (PHC string format)."""
    if _BCRYPT.fullmatch(text) is None and _ARGON2ID.fullmatch(text) is None:
        name = next((name for start, name in _UNFIT if text.startswith(start)), "plain text, or crypt's DES")
        raise UnfitHash(f"the password is kept as {name}: only bcrypt and Argon2id are accepted")


def matches(text: str, password: bytes) -> bool:
    """Whether it is the password of a hash that ``check_hash`` has let pass. Takes as long as the hash was made to;
    other threads run meanwhile."""
    if text.startswith("$argon2id$"):
        from cryptography.exceptions import InvalidKey
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        try:
            with ARGON2_TURN:
                Argon2id.verify_phc_encoded(password, text)
        except (InvalidKey, ValueError):
            return False
        return True
    import bcrypt

    return bcrypt.checkpw(password[:_BCRYPT_BYTES], text.encode("ascii"))
