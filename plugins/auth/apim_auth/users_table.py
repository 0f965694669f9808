"""Users whose hashed passwords are at hand."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apim_auth.users import User
from apim_auth.users_passwords import NOBODYS, matches

__all__ = ["UserTable"]

_CHOOSER: Final = os.urandom(32)


class UserTable:
    """Hashes and roles by user; see ``Users``. It never changes."""

    generation = 0

    def __init__(self, hashes: Mapping[str, str], roles: Mapping[str, frozenset[str]] = MappingProxyType({})) -> None:
        self._hashes = hashes
        self._roles = roles
        self._decoys = tuple(hashes.values()) or (NOBODYS,)

    async def check(self, name: str, password: str) -> User | None:
        """See ``Users``. An unknown user is held against the hash of some other, always the same."""
        known = self._hashes.get(name)
        right = await asyncio.to_thread(matches, known or self._decoy(name), password.encode())
        if known is None or not right:
            return None
        return User(name, self._roles.get(name, frozenset()))

    def _decoy(self, name: str) -> str:
        choice = hmac.digest(_CHOOSER, name.encode(), "sha256")
        return self._decoys[int.from_bytes(choice[:8], "big") % len(self._decoys)]
