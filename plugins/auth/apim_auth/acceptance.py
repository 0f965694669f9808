"""Whether what a token says is accepted: its dates, its binding, its purpose, and that it is not revoked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from apim_sdk import KeyManager, Reject, Revocations, errors

from apim_auth import claims
from apim_auth.binding import confirmation_of
from apim_auth.claims import InvalidClaims
from apim_auth.verified import Verified

if TYPE_CHECKING:
    from apim_auth.tokens import TokenAuthenticator

__all__ = ["INVALID_TOKEN", "Acceptance", "invalid", "unknowable"]

Claims = Mapping[str, Any]

INVALID_TOKEN: Final[Mapping[str, str]] = MappingProxyType(
    {"WWW-Authenticate": 'Bearer realm="apim", error="invalid_token"'}
)
"""RFC 6750, section 3.1."""


class Acceptance:
    """Holds the claims of tokens, which their key managers vouch for, against the settings of an authenticator."""

    def __init__(self, settings: TokenAuthenticator, revocations: Revocations, now: Callable[[], float]) -> None:
        self._settings = settings
        self._revocations = revocations
        self._now = now

    def of(
        self,
        token: str,
        content: Claims,
        name: str | None,
        manager: KeyManager,
        *,
        generation: int,
        client_id_claims: tuple[str, ...],
        until: float | None = None,
        usable_until: float | None = None,
    ) -> Verified:
        """The token, if it is good: as long as it says itself, but not beyond ``until`` and ``usable_until``.

        It must say until when it is good unless ``until`` is given. Raises InvalidClaims, and Reject where it is good
        but not for this.
        """
        settings = self._settings
        ends = self._end_of(content, required=until is None)
        issued_at = claims.start_of(content, self._now(), settings.leeway)
        confirmation = confirmation_of(content)
        if settings.bound == ("refuse" if confirmation else "required"):
            is_bound = (
                "is bound (cnf), which is not accepted" if confirmation else "is not bound (cnf), as it has to be"
            )
            raise InvalidClaims(f"the token {is_bound}")
        mapped = manager.claims(content)
        principal = claims.principal_of(
            mapped,
            client_id_claims=client_id_claims,
            scope_claim=settings.scope_claim or manager.scope_claim,
            roles_claim=settings.roles_claim,
            key_manager=name,
            issuer=manager.issuer,
            expires=None if ends is None else ends - settings.leeway,
        )
        verified = Verified(
            principal,
            manager,
            generation,
            _first(ends, until),
            _first(ends, usable_until),
            confirmation=confirmation,
            token_id=claims.text_of(content, "jti"),
            subject=claims.text_of(content, "sub"),
            issued_at=issued_at,
        )
        verified.looked_at = self._revocations.generation
        if verified.revoked(token, self._revocations):
            raise InvalidClaims("the token was revoked")
        settings.requirements.check(mapped)
        return verified

    def _end_of(self, content: Claims, *, required: bool) -> float | None:
        """When the token is over, leeway and all. Raises InvalidClaims if it is, or does not say."""
        expires = claims.date_of(content, "exp")
        if expires is None:
            if required:
                raise InvalidClaims("the token does not say when it expires (exp)")
            return None
        ends = expires + self._settings.leeway
        if ends <= self._now():
            raise InvalidClaims("the token has expired")
        return ends


def _first(*ends: float | None) -> float:
    return min(end for end in ends if end is not None)


def invalid(reason: object, headers: Mapping[str, str] = INVALID_TOKEN) -> Reject:
    """The refusal of a token; the reason is for the operator."""
    return Reject(errors.INVALID_CREDENTIALS, headers=headers, detail=str(reason))


def unknowable(reason: object) -> Reject:
    """The answer where it cannot be told whether a token is good."""
    return Reject(errors.PLAN_RESOLUTION_FAILURE, detail=str(reason))
