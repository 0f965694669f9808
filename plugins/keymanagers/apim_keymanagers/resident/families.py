"""Refresh tokens: each use gives a new one, and a use of an old one ends all that came of the same grant.

A family is what one grant came to; it is one entry of the store, which knows the hash of the one token that is good now
(RFC 9700, section 4.14.2). A token is ``family.secret``; of two uses at the same moment one wins, the other is a reuse.
The entry also knows the access tokens of the family that have not expired, so that they end with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from apim_sdk import Clock

from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.credentials import digest, matches, new_secret
from apim_keymanagers.resident.errors import invalid_grant
from apim_keymanagers.resident.records import Record, Records
from apim_keymanagers.resident.revoked import Revoked
from apim_keymanagers.resident.tokens import Authorization, Issued

__all__ = ["Families", "Family"]

_KIND: Final = "family"
_MOST_ACCESS_TOKENS: Final = 20
"""Access tokens of one family that may be good at the same time; before there is one more, the oldest is revoked."""


@attrs.frozen
class Family:
    """A grant that is still good, and the entry that says so."""

    id: str
    record: Record

    def authorization(self, client: Client) -> Authorization:
        """What was granted."""
        record = self.record
        return Authorization(
            client,
            record["subject"],
            tuple(record["scopes"]),
            record["by_user"],
            confirmation=record["confirmation"],
            auth_time=record["auth_time"],
        )


class Families:
    """Families of refresh tokens."""

    def __init__(self, records: Records, revoked: Revoked, clock: Clock, lifetime: float) -> None:
        self._records = records
        self._revoked = revoked
        self._now = clock.now
        self._lifetime = lifetime

    async def begin(self, family_id: str, granted: Authorization, issued: Issued, *, refreshable: bool) -> str | None:
        """Keep a new family with its first access token; answers its first refresh token, if there is to be one.

        Raises OAuthError where the family was revoked before it began.
        """
        secret = new_secret()
        record = {
            "client": granted.client.id,
            "subject": granted.subject,
            "by_user": granted.by_user,
            "scopes": list(granted.scopes),
            "confirmation": granted.confirmation,
            "auth_time": granted.auth_time,
            "secret": digest(secret) if refreshable else None,
            "access": [[issued.id, issued.expires]],
        }
        lifetime = self._life(granted.client) if refreshable else issued.expires - self._now()
        if not await self._records.add(_KIND, family_id, {**record, "expires": self._now() + lifetime}, lifetime):
            await self._revoked.revoke(issued.id, issued.expires)
            raise invalid_grant("what was granted has been revoked")
        return f"{family_id}.{secret}" if refreshable else None

    async def find(self, token: str, client: Client) -> Family:
        """The family of a refresh token that is good. Raises OAuthError; a reuse ends the family."""
        family = await self._of(token)
        if family is None or family.record["client"] != client.id:
            raise invalid_grant("the refresh token is not good")
        if not self._is_current(token, family.record):
            await self.revoke(family.id)
            raise invalid_grant("the refresh token is not good")
        return family

    async def rotate(self, family: Family, client: Client, issued: Issued) -> str:
        """A new refresh token in the place of the one that was used. Raises OAuthError where somebody else used it."""
        now = self._now()
        access = [entry for entry in family.record["access"] if entry[1] > now]
        for token_id, expires in access[: max(0, len(access) + 1 - _MOST_ACCESS_TOKENS)]:
            await self._revoked.revoke(token_id, expires)
        secret = new_secret()
        record = {
            **family.record,
            "secret": digest(secret),
            "access": [*access, [issued.id, issued.expires]][-_MOST_ACCESS_TOKENS:],
            "expires": now + self._life(client),
        }
        if not await self._records.change(_KIND, family.id, family.record, record, self._life(client)):
            await self._revoked.revoke(issued.id, issued.expires)
            await self.revoke(family.id)
            raise invalid_grant("the refresh token is not good")
        return f"{family.id}.{secret}"

    async def revoke(self, family_id: str) -> None:
        """End a family: its refresh token, and its access tokens that are still good. For good, if it never began."""
        ended = {"ended": True}
        for _ in range(10):  # somebody may be rotating it
            record = await self._records.get(_KIND, family_id)
            if record is None:
                done = await self._records.add(_KIND, family_id, ended, self._lifetime)
            else:
                done = await self._records.change(_KIND, family_id, record, ended, self._lifetime)
            if done:
                break
        for token_id, expires in (record or {}).get("access", ()):
            await self._revoked.revoke(token_id, expires)

    async def revoke_token(self, token: str, client: Client) -> bool:
        """End the family of a refresh token of this client (RFC 7009, section 2.1); whether it is one."""
        family = await self._of(token)
        if family is None or family.record["client"] != client.id:
            return False
        await self.revoke(family.id)
        return True

    async def introspect(self, token: str) -> Mapping[str, Any] | None:
        """What a refresh token that is good stands for; None for anything else. It is not a use of the token."""
        family = await self._of(token)
        if family is None or not self._is_current(token, family.record):
            return None
        record = family.record
        return {
            "sub": record["subject"],
            "client_id": record["client"],
            "scope": " ".join(record["scopes"]),
            "exp": int(record["expires"]),
            "token_type": "refresh_token",
        }

    async def _of(self, token: str) -> Family | None:
        family_id, dot, _ = token.partition(".")
        if not dot or len(token) > 200:
            return None
        record = await self._records.get(_KIND, family_id)
        if record is None or record.get("ended") or record["secret"] is None:
            return None
        return Family(family_id, record)

    def _is_current(self, token: str, record: Record) -> bool:
        return matches(token.partition(".")[2], record["secret"])

    def _life(self, client: Client) -> float:
        return client.lifetimes.get("refresh_token", self._lifetime)
