"""What was revoked before it expired: single tokens by their ``jti``, and all of a client that were issued before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apim_sdk import Clock
from apim_sdk.context import Revocations

from apim_keymanagers.resident.records import Records

__all__ = ["Revoked"]

_LEEWAY = 300.0
"""Seconds that an entry outlives its token, for verifiers whose clocks are behind."""


class Revoked:
    """Revocations in the store, beside those that the gateway knows."""

    def __init__(self, records: Records, gateway: Revocations, clock: Clock, longest: float) -> None:
        self._records = records
        self._gateway = gateway
        self._now = clock.now
        self._longest = longest

    async def revoke(self, token_id: str, expires: float) -> None:
        """Revoke the token with this ``jti``, which expires then (seconds since the epoch)."""
        left = expires - self._now()
        if left > -_LEEWAY:
            await self._records.put("revoked", token_id, {"expires": expires}, left + _LEEWAY)

    async def revoke_client(self, client_id: str) -> None:
        """Revoke all tokens of a client that were issued until now."""
        await self._records.put("revoked-client", client_id, {"before": self._now()}, self._longest + _LEEWAY)

    async def token(self, token_id: str) -> bool:
        """Whether the token with this ``jti`` is revoked."""
        return await self._records.get("revoked", token_id) is not None

    async def claims(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims is revoked."""
        client_id, issued = claims.get("client_id", ""), claims.get("iat", 0)
        if await self.token(claims["jti"]):
            return True
        before = await self._records.get("revoked-client", client_id)
        if before is not None and issued <= before["before"]:
            return True
        return self._gateway.revoked(
            token_id=claims["jti"],
            client_id=client_id,
            subject=claims.get("sub"),
            issuer=claims.get("iss"),
            issued_at=issued,
        )
