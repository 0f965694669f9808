"""An exchange as a document for those who decide whether it is allowed: what happens, by whom, on what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from apim_sdk import Exchange

__all__ = ["CREDENTIAL_HEADERS", "PARTS", "describe", "header_names", "headers_of", "plain"]

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
    document = {name: plain(part(exchange)) for name, part in PARTS.items()}
    document["headers"] = headers_of(exchange, headers)
    if query:
        document["query"] = {name: list(values) for name, values in exchange.request.query.items()}
    return document


def headers_of(exchange: Exchange, names: Sequence[str]) -> dict[str, str]:
    """The header fields of these names, in lower case, that the request has."""
    headers = exchange.request.headers
    return {name: ", ".join(values) for name in names if (values := headers.get_all(name))}


def plain(value: Any) -> Any:
    """A value out of plain dicts and lists, for ``json``; what JSON does not know becomes text."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


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
        "attributes": application.attributes,
    }


def _api(exchange: Exchange) -> dict[str, Any]:
    api = exchange.api
    return {"name": api.name, "version": api.version, "context": api.context}


def _operation(exchange: Exchange) -> dict[str, Any]:
    operation = exchange.operation
    return {"method": operation.method, "template": operation.template, "id": operation.id}


PARTS: Final[Mapping[str, Callable[[Exchange], Any]]] = {
    "method": lambda exchange: exchange.request.method,
    "path": lambda exchange: exchange.request.path,
    "host": lambda exchange: exchange.request.host,
    "scheme": lambda exchange: exchange.request.scheme,
    "client": lambda exchange: {"address": str(exchange.client.address)},
    "principal": _principal,
    "claims": lambda exchange: {} if exchange.principal is None else exchange.principal.claims,
    "application": _application,
    "plan": lambda exchange: None if exchange.plan is None else exchange.plan.name,
    "api": _api,
    "operation": _operation,
    "path_parameters": lambda exchange: exchange.path_parameters,
}
"""The parts of the document, beside headers and query, and how each is read."""
