"""Passwords as they are kept."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id


def argon2id(password: str, memory: int = 8192) -> str:
    """An Argon2id hash, quickly made (``memory`` in KiB)."""
    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=1, lanes=1, memory_cost=memory)
    return hasher.derive_phc_encoded(password.encode())
