"""Access tokens and ID tokens: what they say, and whether one is still good.

Ephemeral tokens are signed and forgotten; only that one was revoked is kept, until it would have expired. Persistent
ones are kept too: the same client gets the same token until it expires. Opaque tokens are kept by their hash.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import attrs
from apim_sdk import Clock

from apim_keymanagers.resident.clients import Client, TokenFormat
from apim_keymanagers.resident.compact import compact_json
from apim_keymanagers.resident.credentials import digest, new_identifier, new_secret
from apim_keymanagers.resident.jws import InvalidAssertion, verified_claims
from apim_keymanagers.resident.records import Records
from apim_keymanagers.resident.revoked import Revoked
from apim_keymanagers.resident.settings import Lifetimes
from apim_keymanagers.resident.signing import KeyRing
from apim_keymanagers.resident.vault import Vault

__all__ = ["ACCESS_TOKEN_TYPE", "Authorization", "Issued", "Tokens"]

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  # the `typ` of RFC 9068, section 2.1
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen
class Authorization:
    """What a grant came to: for whom and what a token is to be issued."""

    client: Client
    subject: str
    scopes: tuple[str, ...] = ()
    by_user: bool = False
    """Whether the subject is a user, and not the client itself."""
    claims: Mapping[str, Any] = _NOTHING
    """More claims; none of those that the server makes itself."""
    actor: Mapping[str, Any] | None = None
    """Who acts for the subject (RFC 8693, section 4.1)."""
    confirmation: Mapping[str, str] | None = None
    """What the token is bound to (RFC 7800): ``jkt`` or ``x5t#S256``."""
    expires: float | None = None
    """No token may be good for longer than this."""
    audience: tuple[str, ...] = ()
    """Who it is for, where that is not all whom the client's tokens are for."""
    auth_time: float | None = None
    """When the user logged in."""


@attrs.frozen
class Issued:
    """An access token, and what is needed to revoke it."""

    token: str = attrs.field(repr=False)
    id: str
    expires: float


class Tokens:
    """Issues and judges tokens."""

    def __init__(
        self,
        issuer: str,
        audience: tuple[str, ...],
        lifetimes: Lifetimes,
        token_format: TokenFormat,
        persistent: bool,
        keys: KeyRing,
        records: Records,
        vault: Vault,
        revoked: Revoked,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._audience = audience or (issuer,)
        self._lifetimes = lifetimes
        self._format = token_format
        self._persistent = persistent
        self._keys = keys
        self._records = records
        self._vault = vault
        self._revoked = revoked
        self._now = clock.now

    def issue(self, authorization: Authorization, *, reuse: bool = False) -> Awaitable[Issued]:
        """An access token; ``reuse``: the one that was issued for the same before, in persistent mode."""
        return self._same(authorization) if reuse and self._persistent else self._fresh(authorization)

    async def _same(self, authorization: Authorization) -> Issued:
        same = self._vault.mac(
            authorization.client.id,
            authorization.subject,
            " ".join(sorted(authorization.scopes)),
            json.dumps(authorization.confirmation, sort_keys=True),
        )
        kept = await self._records.get("current", same)
        if kept is not None and kept["expires"] > self._now() and not await self._revoked.token(kept["id"]):
            token = self._vault.open(kept["token"], same).decode()
            if await self.introspect(token):  # its client may have been revoked since, or its key dropped
                return Issued(token, kept["id"], kept["expires"])
        issued = await self._fresh(authorization)
        record = {"token": self._vault.seal(issued.token.encode(), same), "id": issued.id, "expires": issued.expires}
        await self._records.put("current", same, record, issued.expires - self._now())
        return issued

    def id_token(self, authorization: Authorization, nonce: str | None) -> Awaitable[str]:
        """An ID token (OpenID Connect Core, section 2)."""
        now = self._now()
        claims = {
            **authorization.claims,
            "iss": self._issuer,
            "sub": authorization.subject,
            "aud": authorization.client.id,
            "azp": authorization.client.id,
            "iat": int(now),
            "exp": int(now + self._lifetimes.id_token),
            "auth_time": int(authorization.auth_time or now),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return self._keys.signer.encode(compact_json(claims), "JWT")

    async def introspect(self, token: str) -> Mapping[str, Any] | None:
        """The claims of an access token of ours that is good now; None for anything else."""
        if token.count(".") == 2:
            claims = self._signed(token)
        else:
            claims = await self._records.get("token", digest(token)) or _NOTHING
        if not claims or claims.get("exp", 0) <= self._now() or await self._revoked.claims(claims):
            return None
        return claims

    async def revoke(self, claims: Mapping[str, Any]) -> None:
        """Have a token refused from now on."""
        await self._revoked.revoke(claims["jti"], claims["exp"])

    def _signed(self, token: str) -> Mapping[str, Any]:
        try:
            claims, header = verified_claims(token, self._keys.keys)
        except InvalidAssertion:
            return _NOTHING
        ours = claims.get("iss") == self._issuer and header.get("typ") == ACCESS_TOKEN_TYPE
        return claims if ours else _NOTHING

    async def _fresh(self, authorization: Authorization) -> Issued:
        """A new access token (its claims: RFC 9068, section 2.2)."""
        client, now = authorization.client, self._now()
        expires = now + client.lifetimes.get("access_token", self._lifetimes.access_token)
        if authorization.expires is not None:
            expires = min(expires, authorization.expires)
        issued_at = max(int(now), int(client.tokens_from) + 1) if client.tokens_from else int(now)
        token_id = new_identifier()
        claims = f'{self._about(authorization)},"iat":{issued_at},"exp":{int(expires)},"jti":"{token_id}"}}'
        if (client.token_format or self._format) == "jwt":
            return Issued(await self._keys.signer.encode(claims, ACCESS_TOKEN_TYPE), token_id, int(expires))
        token = new_secret()
        await self._records.put("token", digest(token), json.loads(claims), int(expires) - now)
        return Issued(token, token_id, int(expires))

    def _about(self, authorization: Authorization) -> str:
        """The claims that do not change from token to token, in JSON without the last brace."""
        client = authorization.client
        about = _always(
            self._issuer,
            authorization.subject,
            authorization.audience or client.audience or self._audience,
            client.id,
            authorization.by_user,
            authorization.scopes,
            client.key_type,
        )
        more = {name: value for name, value in authorization.claims.items() if name not in _OWN}
        if authorization.actor is not None:
            more["act"] = authorization.actor
        if authorization.confirmation is not None:
            more["cnf"] = authorization.confirmation
        return f"{about},{compact_json(more)[1:-1]}" if more else about


_OWN: Final = frozenset(["iss", "sub", "aud", "client_id", "azp", "aut", "scope", "keytype", "iat", "exp", "jti"])
"""Claims that are never an authorization's to make: one that comes twice means what its reader likes."""


@lru_cache(maxsize=1024)
def _always(
    issuer: str,
    subject: str,
    audience: tuple[str, ...],
    client_id: str,
    by_user: bool,
    scopes: tuple[str, ...],
    key_type: str | None,
) -> str:
    """The claims of every access token, in JSON without the last brace. They are made of nothing but the arguments, so
    one that was kept is right for whoever it is asked for again."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "client_id": client_id,
        "azp": client_id,
        "aut": "APPLICATION_USER" if by_user else "APPLICATION",
        "scope": " ".join(scopes),
    }
    if key_type is not None:
        claims["keytype"] = key_type
    return compact_json(claims)[:-1]
