"""Users of our own authorization server (the key manager `resident`), as they are kept in its store."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from urllib.parse import quote

from apim_sdk import Logger, Store

from apim_auth.users import User
from apim_auth.users_passwords import NOBODYS, UnfitHash, check_hash, matches

__all__ = ["UserStore"]

_AGAIN_AFTER: Final = 1.0
"""Seconds until the store is asked again after it was away."""
_LONGEST_NAME: Final = 200


class UserStore:
    """Users as JSON objects (``password``, an Argon2id hash; ``roles``) under ``<namespace>/user/<name>``.

    See ``Users``. ``follow`` must run for changes to be noticed.
    """

    def __init__(self, store: Store, namespace: str) -> None:
        self.generation = 0
        self._store = store
        self._prefix = f"{namespace}/user/"

    async def check(self, name: str, password: str) -> User | None:
        """See ``Users``. Raises OSError where the store is away."""
        record = None
        if len(name) <= _LONGEST_NAME:
            record = _record(await self._store.get(f"{self._prefix}{quote(name, safe='@+')}"))
        kept = None if record is None else record["password"]
        right = await asyncio.to_thread(matches, kept or NOBODYS, password.encode())
        if record is None or kept is None or not right:
            return None
        return User(name, frozenset(role for role in record.get("roles", ()) if isinstance(role, str)))

    async def follow(self, log: Logger) -> None:
        """Notice every change of a user, for as long as it runs."""
        while True:
            try:
                async for batch in self._store.follow(self._prefix):
                    if batch.changes or batch.first:
                        self.generation += 1
            except OSError as error:
                log.warning("The store of users is away; who is known stays known", error=str(error))
                await asyncio.sleep(_AGAIN_AFTER)


def _record(value: bytes | None) -> dict[str, Any] | None:
    """A user who can log in; None if there is none, or one whose entry is of another kind."""
    try:
        record = json.loads(value or b"null")
        if not isinstance(record, dict) or not isinstance(record.get("password"), str):
            return None
        check_hash(record["password"])
    except (UnfitHash, ValueError):
        return None
    return record
