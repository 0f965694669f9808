"""Who a user is, as WSO2 Identity Server says it by SCIM 2.0 (RFC 7643, section 4.1), under the names of OpenID."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["user_claims"]

_NAMES: Final = {
    "id": "sub",
    "userName": "preferred_username",
    "displayName": "name",
    "profileUrl": "profile",
    "locale": "locale",
    "timezone": "zoneinfo",
}
_PARTS_OF_NAME: Final = {"givenName": "given_name", "familyName": "family_name", "formatted": "name"}
_LISTS: Final = {"groups": "groups", "roles": "roles"}


def user_claims(user: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims (OpenID Connect Core 1.0, section 5.1) of a SCIM user; what it does not say is left out."""
    claims = {name: user[attribute] for attribute, name in _NAMES.items() if isinstance(user.get(attribute), str)}
    parts = user.get("name")
    if isinstance(parts, Mapping):
        for attribute, name in _PARTS_OF_NAME.items():
            if isinstance(parts.get(attribute), str):
                claims.setdefault(name, parts[attribute])
    for attribute, name in {"emails": "email", "phoneNumbers": "phone_number"}.items():
        value = _foremost(user.get(attribute))
        if value is not None:
            claims[name] = value
    for attribute, name in _LISTS.items():
        listed = user.get(attribute)
        if isinstance(listed, list):
            claims[name] = [shown for one in listed if (shown := _shown(one)) is not None]
    return claims


def _foremost(values: Any) -> str | None:
    """The primary one of several values (RFC 7643, section 2.4), else the first; the server has text or objects."""
    if not isinstance(values, list) or not values:
        return None
    chosen = next((one for one in values if isinstance(one, Mapping) and one.get("primary") is True), values[0])
    value = chosen.get("value") if isinstance(chosen, Mapping) else chosen
    return value if isinstance(value, str) else None


def _shown(one: Any) -> str | None:
    value = one.get("display") or one.get("value") if isinstance(one, Mapping) else one
    return value if isinstance(value, str) else None
