"""Verify a JSON Web Token: its signature, its claims, its purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from apim_sdk import KeyManager, Principal, Reject, errors

from apim_auth import claims, jws
from apim_auth.verified import VerifiedTokens

if TYPE_CHECKING:
    from apim_auth.jwt import JWT

__all__ = ["Verifier"]

Claims = Mapping[str, Any]
Keys = tuple[Mapping[str, Any], ...]

_TYPES: Final = ("JWT", "at+jwt")
_INVALID_TOKEN: Final[Mapping[str, str]] = MappingProxyType(
    {"WWW-Authenticate": 'Bearer realm="apim", error="invalid_token"'}
)
"""RFC 6750, section 3.1."""


class Verifier:
    """Verifies tokens by the settings of an authenticator, and remembers those that are good."""

    def __init__(self, settings: JWT, manager: KeyManager, verified: VerifiedTokens, now: Callable[[], float]) -> None:
        self._settings = settings
        self._manager = manager
        self._verified = verified
        self._now = now

    def verify(self, token: str) -> Principal | Awaitable[Principal]:
        """Verify a token that is not known yet; an awaitable where the key manager has to ask for its key."""
        if len(token) > self._settings.max_size:
            raise _invalid(f"the token is longer than {self._settings.max_size}")
        generation = self._manager.generation
        try:
            signed = jws.parse(token)
            content = jws.json_object(signed.payload, "payload")
            # Looked at first, so that tokens of other issuers make the key manager ask for nothing.
            claims.check_issuer(content, self._manager.issuer)
            keys = self._manager.keys(signed.key_id)
        except (jws.InvalidSignature, claims.InvalidClaims) as error:
            raise _invalid(str(error)) from error
        except OSError as error:
            raise _unknowable(error) from error
        if isinstance(keys, tuple):
            return self._accept(token, signed, content, keys, generation)
        return self._accept_later(token, signed, content, keys)

    async def _accept_later(self, token: str, signed: jws.Signed, content: Claims, asked: Awaitable[Keys]) -> Principal:
        generation = self._manager.generation
        try:
            keys = await asked
        except OSError as error:
            raise _unknowable(error) from error
        return self._accept(token, signed, content, keys, generation)

    def _accept(self, token: str, signed: jws.Signed, content: Claims, keys: Keys, generation: int) -> Principal:
        """The principal of a token whose signature and claims are in order, which is then remembered."""
        settings = self._settings
        try:
            jws.verify(signed, keys, settings.algorithms)
            self._check_type(signed)
            expires = claims.check_times(content, self._now(), settings.leeway)
            claims.check_bearer(content)
            principal = claims.principal_of(content, settings.scope_claim, settings.client_id_claim, expires)
        except (jws.InvalidSignature, claims.InvalidClaims) as error:
            raise _invalid(str(error)) from error
        self._check_purpose(content)
        if generation == self._manager.generation:
            self._verified.put(token, principal, expires + settings.leeway, generation)
        return principal

    def _check_type(self, signed: jws.Signed) -> None:
        """A token made for something else must not pass for an access token (RFC 8725, section 3.11)."""
        kind = signed.header.get("typ")
        if kind is None and not self._settings.types:
            return
        name = kind.lower().removeprefix("application/") if isinstance(kind, str) else None
        if name not in {wanted.lower() for wanted in self._settings.types or _TYPES}:
            raise Reject(errors.INCORRECT_TOKEN_TYPE, headers=_INVALID_TOKEN, detail=f"the type {kind!r:.40} of token")

    def _check_purpose(self, content: Claims) -> None:
        """What a token in order is not good for is forbidden: 403 rather than 401."""
        audience = self._settings.audience
        if audience and not any(one in audience for one in claims.audience_of(content)):
            raise Reject(errors.INVALID_AUDIENCE, detail="the token is for another audience")
        for name, wanted in self._settings.required_claims.items():
            if not claims.holds(content, name, wanted):
                raise Reject(errors.CLAIM_MISMATCH, detail=f"the claim {name} is not as required")


def _invalid(reason: str) -> Reject:
    return Reject(errors.INVALID_CREDENTIALS, headers=_INVALID_TOKEN, detail=reason)


def _unknowable(error: OSError) -> Reject:
    return Reject(errors.PLAN_RESOLUTION_FAILURE, detail=f"the key manager has no keys now: {error}")
