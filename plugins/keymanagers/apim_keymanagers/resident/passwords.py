"""Passwords: argon2id (RFC 9106), worked out in threads, of which there are few."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import Any, Final

from apim_keymanagers.resident.errors import OAuthError

__all__ = ["Passwords", "hash_password"]

_AT_ONCE: Final = 2
"""Hashes that are worked out at the same time; each takes 64 MiB and tens of milliseconds."""
_MOST_WAITING: Final = 64
"""How many more may wait for their turn."""


@cache
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """What the password of a user who does not exist is held against, so that it takes as long."""
    return hash_password("the password of nobody")


def hash_password(password: str) -> str:
    """A password as it is kept: ``$argon2id$v=19$m=65536,t=3,p=4$...``. Takes tens of milliseconds."""
    kept: str = _hasher().hash(password)
    return kept


class Passwords:
    """Holds passwords against their hashes, without stalling the event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; as slow where there is none. Raises OAuthError (503) when too many wait."""
        if self._waiting >= _MOST_WAITING:
            raise OAuthError("temporarily_unavailable", "too many are logging in: try again", status=503)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(_verify, password, kept)
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        """See ``hash_password``."""
        async with self._turn:
            return await asyncio.to_thread(hash_password, password)


def _verify(password: str, kept: str | None) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


if __name__ == "__main__":
    print(hash_password(sys.stdin.readline().rstrip("\n")))  # what it is run for
