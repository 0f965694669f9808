"""What a grant hands to the token endpoint, and what tokens say about users."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from apim_keymanagers.resident.families import Family
from apim_keymanagers.resident.tokens import Authorization
from apim_keymanagers.resident.users import User

__all__ = ["Granted", "about"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

_OF_SCOPE: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}  # fmt: skip
"""Claims about the user that a scope asks for (OpenID Connect Core, section 5.4)."""


@attrs.frozen
class Granted:
    """What a grant came to."""

    authorization: Authorization
    family: Family | None = None
    """The family whose refresh token was used."""
    begins: str | None = None
    """The family that begins."""
    reuse: bool = False
    """Whether a token that was issued for the same before will do."""
    nonce: str | None = None
    without_id_token: bool = False
    more: Mapping[str, Any] = _NOTHING
    """More members of the answer."""


def about(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    """The claims about a user that the scopes permit, and the roles."""
    allowed = {name for scope in scopes for name in _OF_SCOPE.get(scope, ())}
    claims = {name: value for name, value in user.claims.items() if name in allowed}
    if user.roles:
        claims["roles"] = sorted(user.roles)
    return claims
