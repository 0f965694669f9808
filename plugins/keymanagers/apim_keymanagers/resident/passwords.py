"""Passwords: argon2id (RFC 9106), worked out in threads, of which there are few."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Final

from apim_sdk.argon2 import ARGON2_TURN

from apim_keymanagers.resident.errors import OAuthError

__all__ = ["Passwords", "hash_password"]

_AT_ONCE: Final = 1
"""Hashes that are worked out at the same time; each takes 64 MiB and tens of milliseconds of four cores."""
_MOST_WAITING: Final = 64
"""How many more may wait for their turn."""
_NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$M50eShb1CAV3vzDMwQLuKg$eHdbrsgwrXY7cjWoE3a08fo2CqaYcFCWwcCOkaDw0QE"
"""What the password of a user who does not exist is held against, so that it takes as long."""


def hash_password(password: str) -> str:
    """A password as it is kept: ``$argon2id$v=19$m=65536,t=3,p=4$...`` (RFC 9106, section 4, second choice)."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=3, lanes=4, memory_cost=65536)
    with ARGON2_TURN:
        return hasher.derive_phc_encoded(password.encode())


class Passwords:
    """Holds passwords against their hashes, without stalling the event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def verify(self, password: str, kept: str | None, check: Callable[[], None] = lambda: None) -> bool:
        """Whether it is the password; as slow where there is none. Raises OAuthError (503) when too many wait, and
        whatever ``check`` raises when it is its turn."""
        if self._waiting >= _MOST_WAITING:
            raise OAuthError("temporarily_unavailable", "too many are logging in: try again", status=503)
        self._waiting += 1
        try:
            async with self._turn:
                check()
                return await asyncio.to_thread(_verify, password, kept)
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        """See ``hash_password``."""
        async with self._turn:
            return await asyncio.to_thread(hash_password, password)


def _verify(password: str, kept: str | None) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        with ARGON2_TURN:
            Argon2id.verify_phc_encoded(password.encode("utf-8", "surrogatepass"), kept or _NOBODYS)
    except (InvalidKey, ValueError):
        return False
    return kept is not None


if __name__ == "__main__":
    print(hash_password(sys.stdin.readline().rstrip("\n")))  # what it is run for
