"""The claims of a token (RFC 7519, RFC 7662), and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from apim_sdk import KeyType, Principal

__all__ = [
    "InvalidClaims",
    "audience_of",
    "date_of",
    "key_type_of",
    "list_of",
    "other_kind_of",
    "principal_of",
    "start_of",
    "text_of",
]

_LATEST: Final = 253_402_300_800
"""The year 10000: what lies behind it is no date."""
_KEY_TYPES: Final[Mapping[Any, KeyType]] = MappingProxyType({"PRODUCTION": "production", "SANDBOX": "sandbox"})

_OTHER_KINDS: Final = frozenset({"refresh", "refresh_token", "offline", "id", "id_token", "logout"})
"""What servers call tokens that are good, but no access tokens."""


class InvalidClaims(ValueError):
    """The claims do not make a token that is good now. The text says why, for the operator."""


def date_of(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519, section 2) in seconds since the epoch; None if it is absent. Raises InvalidClaims."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LATEST:
        raise InvalidClaims(f"the claim {name} is no date")
    return float(value)


def start_of(claims: Mapping[str, Any], now: float, leeway: float) -> float | None:
    """When the token was issued, if it says so. Raises InvalidClaims if it is not good yet."""
    for name in ("nbf", "iat"):
        start = date_of(claims, name)
        if start is not None and start - leeway > now:
            raise InvalidClaims(f"the token is not good yet ({name})")
    return date_of(claims, "iat")


def text_of(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is text; None if it is absent. Raises InvalidClaims if it is something else, or empty."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise InvalidClaims(f"the claim {name} is no text")
    return value


def list_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Words, written as one text with spaces (RFC 8693, section 4.2) or as a list. Raises InvalidClaims.

    Where there is no claim of that name, its dots lead into claims: ``realm_access.roles``.
    """
    value = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise InvalidClaims(f"the claim {name} is neither text nor a list of texts")


def other_kind_of(claims: Mapping[str, Any]) -> str | None:
    """What the token says that it is, where that is no access token: Keycloak says so in ``typ``, WSO2 Identity Server
    in ``token_type``, Amazon Cognito in ``token_use``. Only ID tokens have hashes of what came with them (OpenID
    Connect Core, section 3.3.2.11)."""
    if "at_hash" in claims or "c_hash" in claims:
        return "id_token"
    said = (claims.get(name) for name in ("typ", "token_type", "token_use"))
    return next((each for each in said if isinstance(each, str) and each.lower() in _OTHER_KINDS), None)


def audience_of(claims: Mapping[str, Any]) -> Sequence[Any]:
    """For whom the token is (RFC 7519, section 4.1.3)."""
    audience = claims.get("aud", [])
    return audience if isinstance(audience, list) else [audience]


def key_type_of(claims: Mapping[str, Any]) -> KeyType | None:
    """For which of a platform's two worlds the token is, if it says so (``keytype``)."""
    key_type = claims.get("keytype")
    return _KEY_TYPES.get(key_type) if isinstance(key_type, str) else None


def principal_of(
    claims: Mapping[str, Any],
    *,
    client_id_claims: Sequence[str],
    scope_claim: str,
    roles_claim: str | None,
    key_manager: str | None,
    issuer: str | None,
    expires: float | None,
) -> Principal:
    """Whom the token speaks of; the first of ``client_id_claims`` that is there names the client, ``issuer`` who it is
    by where it does not say so.

    Raises InvalidClaims if it names nobody.
    """
    client_id = next((found for name in client_id_claims if (found := text_of(claims, name)) is not None), None)
    subject = text_of(claims, "sub") or client_id
    if subject is None:
        raise InvalidClaims("the token names neither a subject nor a client (sub)")
    scopes = list_of(claims, scope_claim)
    return Principal(
        subject,
        scopes=frozenset(scopes),
        claims=MappingProxyType({**claims, "scope": list(scopes)}),
        client_id=client_id,
        issuer=text_of(claims, "iss") or issuer,
        expires=expires,
        roles=frozenset(list_of(claims, roles_claim)) if roles_claim is not None else frozenset(),
        key_manager=key_manager,
        key_type=key_type_of(claims),
    )
