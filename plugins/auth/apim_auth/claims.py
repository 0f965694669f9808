"""The claims of a JSON Web Token (RFC 7519), and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from apim_sdk import Principal

__all__ = ["InvalidClaims", "audience_of", "check_bearer", "check_issuer", "check_times", "holds", "principal_of"]

_LATEST: Final = 253_402_300_800
"""The year 10000: what lies behind it is no date."""


class InvalidClaims(ValueError):
    """The claims do not make a token that is good now. The text says why, for the operator."""


def _date_of(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519, section 2) in seconds since the epoch; None if it is absent. Raises InvalidClaims."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LATEST:
        raise InvalidClaims(f"the claim {name} is no date")
    return float(value)


def check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """When the token expires. Raises InvalidClaims unless it says so, and is good now."""
    expires = _date_of(claims, "exp")
    if expires is None:
        raise InvalidClaims("the token does not say when it expires (exp)")
    if expires + leeway <= now:
        raise InvalidClaims("the token has expired")
    for name in ("nbf", "iat"):
        start = _date_of(claims, name)
        if start is not None and start - leeway > now:
            raise InvalidClaims(f"the token is not good yet ({name})")
    return expires


def check_bearer(claims: Mapping[str, Any]) -> None:
    """Raises InvalidClaims if the token is bound to a key (RFC 7800), which a bearer does not prove to have."""
    if "cnf" in claims:
        raise InvalidClaims("the token is bound to a key or certificate (cnf): it is no bearer token")


def check_issuer(claims: Mapping[str, Any], issuer: str | None) -> None:
    """Raises InvalidClaims unless the token is by ``issuer``, or by anybody if that is None."""
    if issuer is not None and claims.get("iss") != issuer:
        raise InvalidClaims("the token is by another issuer")


def _text_of(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is text; None if it is absent. Raises InvalidClaims if it is something else, or empty."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise InvalidClaims(f"the claim {name} is no text")
    return value


def _scopes_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Scopes, written as one text with spaces (RFC 8693, section 4.2) or as a list. Raises InvalidClaims."""
    value = claims.get(name, "")
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return tuple(value)
    raise InvalidClaims(f"the claim {name} is neither text nor a list of texts")


def holds(claims: Mapping[str, Any], name: str, wanted: Any) -> bool:
    """Whether a claim is the value that is wanted, or a list that holds it."""
    value = claims.get(name)
    return any(type(one) is type(wanted) and one == wanted for one in (value if isinstance(value, list) else [value]))


def audience_of(claims: Mapping[str, Any]) -> Sequence[Any]:
    """For whom the token is (RFC 7519, section 4.1.3)."""
    audience = claims.get("aud", [])
    return audience if isinstance(audience, list) else [audience]


def principal_of(claims: Mapping[str, Any], scope_claim: str, client_id_claim: str | None, expires: float) -> Principal:
    """Whom the token speaks of. Raises InvalidClaims if it names nobody."""
    if client_id_claim is not None:
        client_id = _text_of(claims, client_id_claim)
    else:
        client_id = _text_of(claims, "azp") or _text_of(claims, "client_id")
    subject = _text_of(claims, "sub") or client_id
    if subject is None:
        raise InvalidClaims("the token names neither a subject nor a client (sub)")
    scopes = _scopes_of(claims, scope_claim)
    return Principal(
        subject,
        scopes=frozenset(scopes),
        claims=MappingProxyType({**claims, "scope": list(scopes)}),
        client_id=client_id,
        issuer=_text_of(claims, "iss"),
        expires=expires,
    )
