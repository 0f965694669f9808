"""Logins in a browser, and the tokens that show that a form was ours (against CSRF and session fixation).

The cookie is a random secret, of which the store keeps a digest; it is a new one after each login. A form's token is a
keyed digest of the cookie and of what the form is about, so it is good in that browser and for that request only.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

import attrs
from apim_sdk import Clock

from apim_keymanagers.resident.credentials import digest, new_secret
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.vault import Vault

__all__ = ["Session", "Sessions"]

_KIND: Final = "session"


@attrs.frozen
class Session:
    """A browser; ``user`` is None while nobody has logged in."""

    secret: str = attrs.field(repr=False)
    user: str | None = None
    auth_time: float = 0.0


class Sessions:
    """Sessions by their cookie."""

    def __init__(self, records: Records, vault: Vault, clock: Clock, lifetime: float) -> None:
        self._records = records
        self._vault = vault
        self._now = clock.now
        self._lifetime = lifetime

    async def find(self, cookies: Mapping[str, str], name: str) -> Session | None:
        """The session of a request; None if its cookie is missing. A cookie that nobody logged in with is one of an
        anonymous session, which is kept nowhere."""
        secret = cookies.get(name)
        if not secret or len(secret) > 100:
            return None
        record = await self._records.get(_KIND, digest(secret))
        return Session(secret) if record is None else Session(secret, record["user"], record["auth_time"])

    def begin(self) -> Session:
        """A new anonymous session."""
        return Session(new_secret())

    async def log_in(self, before: Session, user: str) -> Session:
        """The session of a user who has just logged in: a new one, whatever the browser had before."""
        await self.end(before)
        session = Session(new_secret(), user, self._now())
        record = {"user": user, "auth_time": session.auth_time}
        await self._records.put(_KIND, digest(session.secret), record, self._lifetime)
        return session

    async def end(self, session: Session) -> None:
        """Log out."""
        if session.user is not None:
            await self._records.delete(_KIND, digest(session.secret))

    def form_token(self, session: Session, about: str) -> str:
        """The token of a form about something in this session."""
        return self._vault.mac("form", session.secret, about)

    def is_ours(self, session: Session, about: str, token: str) -> bool:
        """Whether a form carries the token that was put into it."""
        return hmac.compare_digest(self.form_token(session, about).encode(), token.encode())
