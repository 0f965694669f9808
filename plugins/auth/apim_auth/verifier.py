"""Verify a JSON Web Token: its signature, its claims, its purpose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
from apim_sdk import KeyManager, Reject, Revocations, errors

from apim_auth import jws
from apim_auth.acceptance import INVALID_TOKEN, Acceptance, invalid, unknowable
from apim_auth.claims import InvalidClaims, other_kind_of
from apim_auth.managers import KeyManagers
from apim_auth.verified import Verified, VerifiedTokens

if TYPE_CHECKING:
    from apim_auth.jwt import JWT

__all__ = ["Verifier"]

Keys = tuple[Mapping[str, Any], ...]

_TYPES: Final = ("jwt", "at+jwt")


@attrs.frozen
class _Presented:
    """A token, taken apart, whose signature is not verified yet."""

    token: str
    signed: jws.Signed
    content: Mapping[str, Any]
    name: str | None
    manager: KeyManager
    generation: int
    """That of the key manager before its keys were looked up."""


class Verifier:
    """Verifies tokens by the settings of an authenticator, and remembers those that are good."""

    def __init__(
        self,
        settings: JWT,
        managers: KeyManagers,
        known: VerifiedTokens,
        revocations: Revocations,
        now: Callable[[], float],
    ) -> None:
        self._managers = managers
        self._known = known
        self._acceptance = Acceptance(settings, revocations, now)
        self._algorithms = frozenset(settings.algorithms)
        self._types = frozenset(name.lower() for name in settings.types or _TYPES)
        self._type_required = bool(settings.types)
        self._max_size = settings.max_size
        self._client_id_claim = settings.client_id_claim

    def verify(self, token: str) -> Verified | Awaitable[Verified]:
        """Verify a token that is not known yet; an awaitable where the key manager has to ask for its key."""
        if len(token) > self._max_size:
            raise invalid(f"the token is longer than {self._max_size}")
        try:
            signed = jws.parse(token)
            content = jws.json_object(signed.payload, "payload")
            # Looked at first, so that tokens of other issuers make no key manager ask for anything.
            name, manager = self._managers.of_token(content)
            presented = _Presented(token, signed, content, name, manager, manager.generation)
            keys = manager.keys(signed.key_id)
        except (jws.InvalidSignature, InvalidClaims) as error:
            raise invalid(error) from error
        except OSError as error:
            raise _no_keys(error) from error
        return self._accept(presented, keys) if isinstance(keys, tuple) else self._accept_later(presented, keys)

    async def _accept_later(self, presented: _Presented, asked: Awaitable[Keys]) -> Verified:
        try:
            keys = await asked
        except OSError as error:
            raise _no_keys(error) from error
        return self._accept(presented, keys)

    def _accept(self, presented: _Presented, keys: Keys) -> Verified:
        """The token, if its signature and claims are in order; it is then remembered."""
        manager = presented.manager
        named = self._client_id_claim or manager.client_id_claim
        try:
            jws.verify(presented.signed, keys, self._algorithms)
            self._check_type(presented.signed, presented.content)
            verified = self._acceptance.of(
                presented.token,
                presented.content,
                presented.name,
                manager,
                generation=presented.generation,
                client_id_claims=("azp", "client_id") if named is None else (named,),
            )
        except (jws.InvalidSignature, InvalidClaims) as error:
            raise invalid(error) from error
        if presented.generation == manager.generation:
            self._known.put(presented.token, verified)
        return verified

    def _check_type(self, signed: jws.Signed, content: Mapping[str, Any]) -> None:
        """A token made for something else must not pass for an access token (RFC 8725, section 3.11)."""
        other = other_kind_of(content)
        if other is not None:
            raise Reject(errors.INCORRECT_TOKEN_TYPE, headers=INVALID_TOKEN, detail=f"the claims call it {other!r}")
        kind = signed.header.get("typ")
        if kind is None and not self._type_required:
            return
        name = kind.lower().removeprefix("application/") if isinstance(kind, str) else None
        if name not in self._types:
            raise Reject(errors.INCORRECT_TOKEN_TYPE, headers=INVALID_TOKEN, detail=f"the type {kind!r:.40} of token")


def _no_keys(error: OSError) -> Reject:
    return unknowable(f"the key manager has no keys now: {error}")
