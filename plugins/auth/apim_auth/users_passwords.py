"""Passwords that are kept as slow hashes: bcrypt and Argon2id."""

from __future__ import annotations

import os
import re
from typing import Final

__all__ = ["UnfitHash", "check_hash", "matches", "new_hash"]

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
            Argon2id.verify_phc_encoded(password, text)
        except InvalidKey:
            return False
        return True
    import bcrypt

    return bcrypt.checkpw(password[:_BCRYPT_BYTES], text.encode("ascii"))


def new_hash(password: bytes) -> str:
    """An Argon2id hash with the least parameters of RFC 9106, section 4 (second choice: 64 MiB, 3 passes, 4 lanes)."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(salt=os.urandom(16), length=32, iterations=3, lanes=4, memory_cost=65536).derive_phc_encoded(
        password
    )
