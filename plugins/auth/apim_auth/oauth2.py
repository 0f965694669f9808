"""Let in who presents an access token that its authorization server knows."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Credential, Duration, Exchange, KeyManager, Regex, state

from apim_auth.introspector import Introspector
from apim_auth.managers import KeyManagers
from apim_auth.tokens import Examine, TokenAuthenticator
from apim_auth.verified import VerifiedTokens

__all__ = ["OAuth2"]


@attrs.frozen
class OAuth2(TokenAuthenticator):
    """Lets in who presents an access token that its authorization server calls active (RFC 7662, RFC 9701).

    It is for opaque tokens, and for JSON Web Tokens that may be revoked at any time: the server is asked, once for all
    requests that come with the same token, and its answer remembered for a while.
    """

    example: ClassVar[Any] = {"key_manager": "main", "cache": "5m", "stale_if_error": "10m"}

    token_pattern: Regex | None = None
    """What tokens of this server look like (RE2, for the whole token); others are left to other plans. Without it, all
    bearer tokens are its own."""
    cache: Duration = Duration("15m")
    """How long the answer that a token is active holds, at most until the token expires; 0 to ask each time."""
    cache_inactive: Duration = Duration("5s")
    """How long a token that is not active, or not good for this, is refused without asking again."""
    stale_if_error: Duration = Duration(0)
    """How long beyond its time the answer that a token is active still holds while the server is away, at most until
    the token expires. Otherwise it is then 503."""
    _introspector: Introspector | None = state()

    async def managers(self, context: Context) -> KeyManagers:
        found = await super().managers(context)
        if len(found.named) > 1:
            names = ", ".join(str(name) for name, _ in found.named)
            raise LookupError(f"name the `key_manager` that knows these tokens, one of: {names}")
        ((name, manager),) = found.named
        if type(manager).introspect is KeyManager.introspect:
            raise LookupError(f"the key manager {name!r} introspects no tokens: its tokens are for `jwt`")
        return found

    def examining(self, context: Context, managers: KeyManagers, known: VerifiedTokens) -> Examine:
        ((name, manager),) = managers.named
        introspector = Introspector(self, name, manager, known, context)
        self.hold(_introspector=introspector)
        return introspector.verify

    async def stop(self) -> None:
        if self._introspector is not None:
            await self._introspector.close()

    recognise = TokenAuthenticator.recognise  # what is known has been found by the pattern before

    def find(self, exchange: Exchange) -> Credential | None:
        credential = super().find(exchange)
        if credential is None or self.token_pattern is None:
            return credential
        return credential if self.token_pattern.fullmatch(credential.value.reveal()) else None
