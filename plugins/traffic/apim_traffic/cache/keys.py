"""What an answer is kept under: where it was asked for, and by whom as far as that makes a difference."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Final, Literal

from apim_sdk import ANONYMOUS, Exchange, Expression

__all__ = ["Key", "KeyOf", "Scope", "asks_for", "holds", "key_of", "url_of"]

Scope = Literal["public", "application", "principal"]
Key = tuple[Hashable, ...]
"""Compared as it is, never by a hash of it: two keys that differ never share an answer."""
KeyOf = Callable[[Exchange], Key]

_LONGEST: Final = 64
"""Longest value of an expression that is kept as it is."""


def url_of(key: Key) -> str:
    """Path and query, by which answers are found again to be invalidated."""
    return f"{key[0]}?{key[1]}" if key[1] else str(key[0])


def asks_for(key: Key, exchange: Exchange) -> bool:
    """Whether the backend is asked for what the key was made of; a later step may have rewritten path or query."""
    return key[1] == exchange.request.query_string and key[2] == exchange.endpoint_path


def key_of(scope: Scope, parts: tuple[Expression, ...], names: tuple[bytes, ...]) -> KeyOf:
    """How the key of an exchange is made. What that answers raises EvaluationError where an expression has an error.

    Path and query, the path at the endpoint, host, scheme, API and kind of key are always in it; then who calls, the
    values of ``parts``, and the request headers ``names``.
    """
    who = _WHO[scope]
    evaluate = tuple(part.evaluate for part in parts)

    def key(exchange: Exchange) -> Key:
        request = exchange.request
        api = exchange.api
        found: Key = (
            request.path,
            request.query_string,
            exchange.endpoint_path,
            request.host,
            request.scheme,
            api.name,
            api.version,
            exchange.key_type,
            who(exchange),
        )
        if evaluate:
            found += tuple([_short(part(exchange)) for part in evaluate])
        if names:
            found += tuple([request.headers.combined(name) for name in names])
        return found

    return key


def holds(scope: Scope, exchange: Exchange) -> bool:
    """Whether a key of this scope holds all that the call is authorised by.

    Where it does not, an answer is kept only if it says itself that it may be shared (RFC 9111, section 3.5). A cookie
    may carry a session, and no key holds it.
    """
    index = exchange.request.headers.index
    if b"cookie" in index:
        return False
    if scope == "principal":
        return True
    principal = exchange.principal
    if principal is None or principal is ANONYMOUS:
        return b"authorization" not in index
    if scope == "public":
        return False
    if principal.application is not None:  # the credential is the application's own
        return b"authorization" not in index
    return principal.client_id is not None and principal.subject == principal.client_id


def _nobody(exchange: Exchange) -> Hashable:
    return None


def _application(exchange: Exchange) -> Hashable:
    application = exchange.application
    return None if application is None else application.id


def _principal(exchange: Exchange) -> Hashable:
    """Issuer and subject, the application, and what else the backend is shown in Authorization."""
    principal = exchange.principal
    shown = exchange.request.headers.combined(b"authorization")
    digest = None if shown is None else blake2b(shown, digest_size=20).digest()
    if principal is None or principal is ANONYMOUS:
        return digest
    return principal.issuer, principal.key_manager, principal.subject, _application(exchange), digest


_WHO: Final[dict[Scope, Callable[[Exchange], Hashable]]] = {
    "public": _nobody,
    "application": _application,
    "principal": _principal,
}


def _short(value: object) -> Hashable:
    """A value of CEL as text with its type, so that ``1`` and ``"1"`` differ; a digest of a long one."""
    text = repr(value)
    return text if len(text) <= _LONGEST else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
