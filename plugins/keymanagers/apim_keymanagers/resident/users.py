"""The users who log in: from the settings, and from the store."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
from apim_sdk import Clock

from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.passwords import Passwords
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.revoked import Revoked
from apim_keymanagers.resident.throttle import Throttle

__all__ = ["User", "Users"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_KIND: Final = "user"
_LONGEST_NAME: Final = 200
_LONGEST_PASSWORD: Final = 1024


@attrs.frozen
class User:
    """A person, or whoever has a name and a password."""

    name: str
    password: str | None = attrs.field(default=None, repr=False)
    """argon2id, as ``$argon2id$v=19$m=...``; None for one who cannot log in."""
    roles: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = _NOTHING
    """What else is known of the user (OpenID Connect Core, section 5.1)."""
    changed: float = 0.0
    """When the password was last changed, in seconds since the epoch; logins before that are void."""


class Users:
    """Users by name, and how they prove who they are."""

    def __init__(
        self,
        records: Records,
        configured: Mapping[str, User],
        passwords: Passwords,
        throttle: Throttle,
        revoked: Revoked,
        clock: Clock,
    ) -> None:
        self._records = records
        self._configured = configured
        self._passwords = passwords
        self._throttle = throttle
        self._revoked = revoked
        self._now = clock.now

    async def find(self, name: str) -> User | None:
        """The user of that name."""
        if name in self._configured:
            return self._configured[name]
        if not name or len(name) > _LONGEST_NAME:
            return None
        record = await self._records.get(_KIND, name)
        if record is None:
            return None
        return User(
            name,
            record.get("password"),
            frozenset(record.get("roles", ())),
            dict(record.get("claims", _NOTHING)),
            record.get("changed", 0.0),
        )

    async def verify(self, name: str, password: str, address: str) -> User | None:
        """The user, if this is the password. An unknown user takes as long as a wrong password.

        Raises OAuthError (429, 503) where too much was tried.
        """
        what = f"user {name[:_LONGEST_NAME]}"
        self._throttle.check(what, address)
        user = await self.find(name)
        too_long = len(password) > _LONGEST_PASSWORD
        kept = None if user is None or too_long else user.password
        good = await self._passwords.verify(
            "" if too_long else password,
            kept,
            lambda: self._throttle.check(what, address),  # others may have failed since
        )
        if not good or user is None:
            self._throttle.count(what, address)
            return None
        self._throttle.succeeded(what, address)
        return user

    async def put(
        self, name: str, password: str | None, roles: frozenset[str] = frozenset(), claims: Mapping[str, Any] = _NOTHING
    ) -> None:
        """Add a user to the store, or change one there; what was issued for the user before is revoked.

        Raises OAuthError for one of the settings.
        """
        if name in self._configured:
            raise OAuthError("access_denied", f"the user {name!r} is in the settings: change it there")
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise OAuthError("invalid_request", f"the name of a user has 1 to {_LONGEST_NAME} printable characters")
        kept = None if password is None else await self._passwords.hash(password)
        entry = {"password": kept, "roles": sorted(roles), "claims": dict(claims), "name": name, "changed": self._now()}
        await self._records.put(_KIND, name, entry)
        await self._revoked.revoke_subject(name)

    async def remove(self, name: str) -> None:
        """Forget a user of the store, and what the user consented to; what was issued for the user is revoked."""
        await self._records.delete(_KIND, name)
        await self._records.delete_all("consent", f"{name}\0")
        await self._revoked.revoke_subject(name)
