"""Tokens of other issuers that may be exchanged for ours (RFC 8693, RFC 7523)."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs
from apim_sdk import Clock, KeyManager
from apim_sdk.context import Revocations

from apim_keymanagers.resident.errors import OAuthError, invalid_grant
from apim_keymanagers.resident.jws import InvalidAssertion, parts_of, verified_claims
from apim_keymanagers.resident.settings import TrustedIssuer

__all__ = ["Foreign", "Trust"]

_LEEWAY: Final = 30.0
_LATEST: Final = 253_402_300_800
"""The year 10000: what lies behind it is no date."""


@attrs.frozen
class Foreign:
    """A token of a trusted issuer, verified."""

    subject: str
    """As it is in our tokens, with the issuer's prefix."""
    expires: float
    claims: Mapping[str, Any]
    key_manager: str
    same_users: bool


class Trust:
    """Key managers whose tokens are taken, each with its terms."""

    def __init__(
        self, managers: Mapping[str, tuple[KeyManager, TrustedIssuer]], revocations: Revocations, clock: Clock
    ) -> None:
        self._managers = managers
        self._prefixes = tuple(terms.prefix for _, terms in managers.values() if terms.prefix)
        self._revocations = revocations
        self._now = clock.now

    async def verified(self, token: str, audience: Collection[str]) -> Foreign:
        """What a trusted issuer's token says; ``audience`` is who it must be for, where its terms name nobody.

        Raises OAuthError: ``invalid_grant``, or ``temporarily_unavailable`` where the keys cannot be told now.
        """
        try:
            _, unverified, _, _ = parts_of(token)
            name, manager, terms = self._issuer_of(unverified)
            header, _, _, _ = parts_of(token)
            key_id = header.get("kid")
            keys = manager.keys(key_id if isinstance(key_id, str) else None)
            found = await keys if inspect.isawaitable(keys) else keys
            claims, _ = verified_claims(token, lambda _: found)
            claims = dict(manager.claims(claims))
            expires = self._check(claims, terms, audience)
        except InvalidAssertion as error:
            raise invalid_grant(f"the token is not accepted: {error}") from error
        except OSError as error:
            raise OAuthError("temporarily_unavailable", "the token's issuer cannot be asked now", status=503) from error
        issued_at = claims.get("iat")
        if self._revocations.revoked(
            token_id=claims.get("jti"), token=token, subject=claims["sub"], issuer=claims["iss"], issued_at=issued_at
        ):
            raise invalid_grant("the token is not accepted: it was revoked")
        subject: str = terms.prefix + claims["sub"]
        if not terms.prefix and subject.startswith(self._prefixes):
            raise invalid_grant("the token's subject looks like one of another issuer")
        return Foreign(subject, expires, claims, name, terms.same_users)

    def _issuer_of(self, claims: Mapping[str, Any]) -> tuple[str, KeyManager, TrustedIssuer]:
        for name, (manager, terms) in self._managers.items():
            if manager.issues(claims):
                return name, manager, terms
        raise InvalidAssertion("its issuer is not trusted")

    def _check(self, claims: Mapping[str, Any], terms: TrustedIssuer, audience: Collection[str]) -> float:
        """When it expires. Raises InvalidAssertion."""
        now = self._now()
        expires, issued_at, not_before = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
        named = claims.get("aud", ())
        named = {named} if isinstance(named, str) else {name for name in named if isinstance(name, str)}
        if not isinstance(claims.get("sub"), str) or not claims["sub"].isprintable():
            raise InvalidAssertion("it has no sub")
        if "cnf" in claims:
            raise InvalidAssertion("it is bound to a key")
        if not isinstance(expires, int | float) or not now - _LEEWAY < expires < _LATEST:
            raise InvalidAssertion("it has expired, or does not say when it does")
        if not isinstance(not_before, int | float) or not_before > now + _LEEWAY:
            raise InvalidAssertion("it is not good yet")
        if named.isdisjoint(terms.audience or audience):
            raise InvalidAssertion("it is for somebody else")
        if terms.max_age is not None and (
            not isinstance(issued_at, int | float) or issued_at < now - _LEEWAY - terms.max_age
        ):
            raise InvalidAssertion("it was issued too long ago")
        return float(expires)
