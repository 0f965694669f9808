"""Scopes: which there are, and which of them a client and its user are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from apim_sdk import Clock

from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.settings import ScopeSettings
from apim_keymanagers.resident.users import User

__all__ = ["STANDARD", "Scopes"]

STANDARD: Final[Mapping[str, str]] = {
    "openid": "Know who you are",
    "profile": "Read your name and profile",
    "email": "Read your email address",
    "address": "Read your postal address",
    "phone": "Read your phone number",
}
"""Scopes of OpenID Connect Core, section 5.4, with what users are told of them."""

_FRESH: Final = 1.0
_MOST: Final = 200


class Scopes:
    """The scopes of the settings and of the store; the store is read at most once a second."""

    def __init__(self, records: Records, clock: Clock, configured: Mapping[str, ScopeSettings]) -> None:
        self._records = records
        self._monotonic = clock.monotonic
        self._configured = {**{name: ScopeSettings(text) for name, text in STANDARD.items()}, **configured}
        self._known: Mapping[str, ScopeSettings] = {}
        self._until = float("-inf")

    async def known(self) -> Mapping[str, ScopeSettings]:
        """All scopes by name."""
        if self._monotonic() >= self._until:
            kept = {name: _of(record) async for name, record in self._records.all("scope")}
            self._known = {**kept, **self._configured}
            self._until = self._monotonic() + _FRESH
        return self._known

    async def put(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        """Make scopes known, each with the roles of which a user needs one."""
        for name, roles in scopes.items():
            await self._records.put("scope", name, {"roles": list(roles)})
        self._until = float("-inf")

    async def granted(self, client: Client, requested: str | None, user: User | None) -> tuple[str, ...]:
        """The scopes that are given: those asked for, else those of the client, without those that the user has no
        role for. A client by itself is given a scope that needs a role only if it is one of its own.

        Raises OAuthError (``invalid_scope``) for a scope that the client may not ask for.
        """
        asked = tuple(dict.fromkeys(requested.split())) if requested else client.scopes
        if not asked:
            return ()
        if len(asked) > _MOST:
            raise OAuthError("invalid_scope", "too many scopes are asked for")
        known: Mapping[str, ScopeSettings] = self._configured
        for name in asked:
            if name not in known:
                known = await self.known()
                break
        given = []
        for name in asked:
            if name not in client.scopes and (client.scopes or name not in known):
                raise OAuthError("invalid_scope", "the client may not ask for one of the scopes")
            scope = known.get(name)
            if scope is None or not scope.roles or _permitted(scope, client, user, name):
                given.append(name)
        return tuple(given)


def _permitted(scope: ScopeSettings, client: Client, user: User | None, name: str) -> bool:
    return name in client.scopes if user is None else not user.roles.isdisjoint(scope.roles)


def _of(record: Mapping[str, object]) -> ScopeSettings:
    roles = record.get("roles", ())
    return ScopeSettings(str(record.get("description", "")), tuple(roles) if isinstance(roles, list) else ())
