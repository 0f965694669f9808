"""What an expression can see of an exchange: its variables, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from apim_core.expressions import Environment, Lookup, Record

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.headers import Headers

__all__ = ["READS_REQUEST_BODY", "READS_RESPONSE_BODY", "environment"]

READS_REQUEST_BODY = "request.body"
READS_RESPONSE_BODY = "response.body"

_NOTHING: Mapping[str, Any] = {}


@cache
def environment() -> Environment:
    """The environment that every expression of a configuration is compiled in."""
    return Environment(
        variables={
            "request": Record(
                {
                    "method": lambda exchange: exchange.request.method,
                    "path": lambda exchange: exchange.request.path,
                    "query_string": lambda exchange: exchange.request.query_string,
                    "host": lambda exchange: exchange.request.host,
                    "scheme": lambda exchange: exchange.request.scheme,
                    "headers": Lookup(lambda exchange: _as_mapping(exchange.request.headers), get=_request_header),
                    "query": Lookup(_query, get=_query_parameter),
                    "cookies": Lookup(
                        lambda exchange: exchange.request.cookies,
                        get=lambda exchange, name: exchange.request.cookies.get(name),
                    ),
                    "body": lambda exchange: _text(exchange.request.body.data),
                    "content_length": lambda exchange: exchange.request.body.length,
                }
            ),
            "response": Record(
                {
                    "status": lambda exchange: exchange.response.status if exchange.response else None,
                    "headers": Lookup(
                        lambda exchange: _as_mapping(exchange.response.headers) if exchange.response else _NOTHING,
                        get=_response_header,
                    ),
                    "body": lambda exchange: _text(exchange.response.body.data) if exchange.response else None,
                }
            ),
            "client": Record(
                {
                    "address": lambda exchange: str(exchange.client.address),
                    "peer": lambda exchange: str(exchange.client.peer),
                    "port": lambda exchange: exchange.client.port,
                }
            ),
            "path": Lookup(
                lambda exchange: exchange.path_parameters,
                get=lambda exchange, name: exchange.path_parameters.get(name),
            ),
            "api": _fields("api", "name", "version", "context"),
            "operation": _fields("operation", "method", "template", "id"),
            "plan": _fields("plan", "name"),
            "application": _fields("application", "name", "id", "owner", "attributes"),
            "subscription": _fields("subscription", "id", "plan"),
            "principal": _principal(),
            "claims": Lookup(_claims, get=_claim),
            "variables": Lookup(
                lambda exchange: exchange.variables,
                get=lambda exchange, name: exchange.variables.get(name),
            ),
            "fault": _fault(),
            "now": lambda exchange: datetime.now(UTC),
        }
    )


def _fields(part: str, *names: str) -> Record:
    """Fields of a part of the exchange that may not be known (yet): null then."""

    def reader(name: str) -> Callable[[Exchange], Any]:
        return lambda exchange: getattr(getattr(exchange, part, None), name, None)

    return Record({name: reader(name) for name in names})


def _principal() -> Record:
    fields = _fields("principal", "subject", "client_id", "issuer").fields
    return Record(
        {
            **fields,
            "scopes": lambda exchange: sorted(exchange.principal.scopes) if exchange.principal else [],
        }
    )


def _fault() -> Record:
    return Record(
        {
            "key": lambda exchange: exchange.fault.kind.key if exchange.fault else None,
            "code": lambda exchange: exchange.fault.kind.code if exchange.fault else None,
            "status": lambda exchange: exchange.fault.kind.status if exchange.fault else None,
            "message": lambda exchange: exchange.fault.kind.message if exchange.fault else None,
            "description": lambda exchange: exchange.fault.description if exchange.fault else None,
        }
    )


def _request_header(exchange: Exchange, name: str) -> str | None:
    try:
        return exchange.request.headers.get(name)
    except ValueError:
        return None  # what is no header name is in no header map


def _response_header(exchange: Exchange, name: str) -> str | None:
    try:
        return exchange.response.headers.get(name) if exchange.response else None
    except ValueError:
        return None


def _query(exchange: Exchange) -> Mapping[str, str]:
    return {name: values[0] for name, values in exchange.request.query.items()}


def _query_parameter(exchange: Exchange, name: str) -> str | None:
    values = exchange.request.query.get(name)
    return values[0] if values else None


def _claims(exchange: Exchange) -> Mapping[str, Any]:
    return exchange.principal.claims if exchange.principal is not None else _NOTHING


def _claim(exchange: Exchange, name: str) -> Any:
    principal = exchange.principal
    return principal.claims.get(name) if principal is not None else None


def _as_mapping(headers: Headers) -> Mapping[str, str]:
    """The first value of each header, by its name in lower case."""
    return {name: headers[name] for name in headers}


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")
