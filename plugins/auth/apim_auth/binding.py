"""Tokens that are bound to a key or certificate (RFC 7800), and whether who presents one has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from apim_sdk import Exchange

from apim_auth.certificates import certificate_of, thumbprint
from apim_auth.claims import InvalidClaims

__all__ = ["CERTIFICATE", "KEY", "check_bearer", "check_certificate", "confirmation_of"]

CERTIFICATE = "x5t#S256"
"""Member of ``cnf`` with the SHA-256 thumbprint of a certificate (RFC 8705, section 3.1)."""
KEY = "jkt"
"""Member of ``cnf`` with the SHA-256 thumbprint of a JSON Web Key (RFC 9449, section 6.1)."""


def confirmation_of(claims: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What a token is bound to: thumbprints by how they are made; None if it is a bearer token.

    Raises InvalidClaims if it is bound in a way that cannot be told here.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, Mapping) or not confirmation:
        raise InvalidClaims("the claim cnf is no confirmation")
    for name, value in confirmation.items():
        if name not in (CERTIFICATE, KEY) or not isinstance(value, str) or not value:
            raise InvalidClaims(f"the token is bound (cnf) in a way that is not known here: {name!r:.40}")
    return confirmation


def check_bearer(confirmation: Mapping[str, str], exchange: Exchange, header: str | None) -> None:
    """Raises InvalidClaims unless what a token is bound to is proved by the connection it comes on alone."""
    if KEY in confirmation:
        raise InvalidClaims("the token is bound to a key (cnf): it is no bearer token")
    check_certificate(confirmation[CERTIFICATE], exchange, header)


def check_certificate(wanted: str, exchange: Exchange, header: str | None) -> None:
    """Raises InvalidClaims unless the client has shown the certificate of that thumbprint (RFC 8705, section 3)."""
    certificate = certificate_of(exchange, header)
    if certificate is None:
        raise InvalidClaims("the token is bound to a certificate (cnf), and the client shows none")
    if not compare_digest(_thumbprint(certificate).encode(), wanted.encode("utf-8", "replace")):
        raise InvalidClaims("the token is bound to another certificate (cnf)")


_thumbprint = lru_cache(maxsize=1024)(thumbprint)
"""A connection's certificate is the same bytes for every request."""
