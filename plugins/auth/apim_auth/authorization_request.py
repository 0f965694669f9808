"""An exchange as a document for those who decide whether it is allowed: what happens, by whom, on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from apim_sdk import Exchange

__all__ = ["CREDENTIAL_HEADERS", "describe", "header_names"]

CREDENTIAL_HEADERS: Final = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "dpop",
        "x-api-key",
        "apikey",
        "api-key",
        "x-gravitee-api-key",
        "internal-key",
        "signature",
        "x-jwt-assertion",
    }
)
"""Header fields that carry credentials: they are never passed on."""


def header_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names in lower case. Raises ValueError for one that carries credentials."""
    lowered = tuple(name.lower() for name in names)
    for name in lowered:
        if name in CREDENTIAL_HEADERS:
            raise ValueError(f"{name!r} carries credentials: whoever decides gets the principal and its claims instead")
    return lowered


def describe(exchange: Exchange, headers: Sequence[str] = (), *, query: bool = False) -> dict[str, Any]:
    """The document: JSON values only. ``headers`` are names in lower case; those that come more than once are joined
    with commas."""
    request, api, operation = exchange.request, exchange.api, exchange.operation
    document: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "host": request.host,
        "scheme": request.scheme,
        "headers": _headers(exchange, headers),
        "client": {"address": str(exchange.client.address)},
        "principal": _principal(exchange),
        "claims": {} if exchange.principal is None else _plain(exchange.principal.claims),
        "application": _application(exchange),
        "plan": None if exchange.plan is None else exchange.plan.name,
        "api": {"name": api.name, "version": api.version, "context": api.context},
        "operation": {"method": operation.method, "template": operation.template, "id": operation.id},
        "path_parameters": dict(exchange.path_parameters),
    }
    if query:
        document["query"] = {name: list(values) for name, values in request.query.items()}
    return document


def _headers(exchange: Exchange, names: Sequence[str]) -> dict[str, str]:
    headers = exchange.request.headers
    return {name: ", ".join(values) for name in names if (values := headers.get_all(name))}


def _principal(exchange: Exchange) -> dict[str, Any] | None:
    principal = exchange.principal
    if principal is None:
        return None
    return {
        "subject": principal.subject,
        "client_id": principal.client_id,
        "issuer": principal.issuer,
        "scopes": sorted(principal.scopes),
        "roles": sorted(principal.roles),
        "key_manager": principal.key_manager,
        "key_type": principal.key_type,
    }


def _application(exchange: Exchange) -> dict[str, Any] | None:
    application = exchange.application
    if application is None:
        return None
    return {
        "name": application.name,
        "id": application.id,
        "owner": application.owner,
        "attributes": dict(application.attributes),
    }


def _plain(value: Any) -> Any:
    """A claim out of plain dicts and lists, for ``json``; what JSON does not know becomes text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
