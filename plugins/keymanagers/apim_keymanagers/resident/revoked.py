"""What was revoked before it expired: single tokens by their ``jti``, and all that a client or subject got until then.

Revocations stand where the gateway looks for them, as it has them: ``access/revocation/<id>`` in the store of access,
so that a token that was revoked here is refused by every API at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from apim_sdk import Clock, Store
from apim_sdk.context import Revocations

__all__ = ["LONGEST", "Revoked"]

_LEEWAY = 300.0
"""Seconds that an entry outlives its token, for verifiers whose clocks are behind."""
LONGEST = 86_400.0
"""The longest that a token of a client may be good, where the server's own are not good for longer; in seconds."""


class Revoked:
    """Revocations in the store of access, beside those that the gateway knows otherwise."""

    def __init__(self, store: Store, issuer: str, gateway: Revocations, clock: Clock, longest: float) -> None:
        self._store = store
        self._issuer = issuer
        self._gateway = gateway
        self._now = clock.now
        self._longest = max(longest, LONGEST)

    async def revoke(self, token_id: str, expires: float) -> None:
        """Revoke the token with this ``jti``, which expires then (seconds since the epoch)."""
        if expires + _LEEWAY > self._now():
            await self._put("token_id", token_id, expires + _LEEWAY, self._now())

    async def revoke_client(self, client_id: str) -> None:
        """Revoke all tokens of a client that were issued until now."""
        now = self._now()
        await self._put("client_id", client_id, now + self._longest + _LEEWAY, now)

    async def revoke_subject(self, subject: str) -> None:
        """Revoke all tokens of a subject that were issued before this second: a new login may come in the same one."""
        now = self._now()
        await self._put("subject", subject, now + self._longest + _LEEWAY, int(now) - 1)

    async def token(self, token_id: str) -> bool:
        """Whether the token with this ``jti`` is revoked."""
        return await self._store.get(self._key("token_id", token_id)) is not None

    async def claims(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims is revoked."""
        client_id, issued = claims.get("client_id", ""), claims.get("iat", 0)
        if await self.token(claims["jti"]):
            return True
        for kind, name in (("client_id", client_id), ("subject", claims.get("sub", ""))):
            entry = await self._store.get(self._key(kind, name))
            if entry is not None and issued <= datetime.fromisoformat(json.loads(entry)["moment"]).timestamp():
                return True
        return self._gateway.revoked(
            token_id=claims["jti"],
            client_id=client_id,
            subject=claims.get("sub"),
            issuer=self._issuer,
            issued_at=issued,
        )

    async def _put(
        self, kind: Literal["token_id", "client_id", "subject"], value: str, expires: float, moment: float
    ) -> None:
        entry = {
            "kind": kind,
            "value": value,
            "issuer": self._issuer,
            "moment": _moment(moment),
            "expires": _moment(expires),
        }
        await self._store.put(self._key(kind, value), json.dumps(entry).encode(), expires - self._now())

    def _key(self, kind: str, value: str) -> str:
        """Where the gateway has the revocation: its id follows from what is revoked."""
        digest = hashlib.sha256(f"{kind}\0{self._issuer}\0{value}".encode()).hexdigest()
        return f"access/revocation/{digest[:32]}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
