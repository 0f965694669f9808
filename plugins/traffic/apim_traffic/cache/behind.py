"""An exchange of its own for what is done behind the back of a client's."""

from __future__ import annotations

from apim_sdk import Exchange, Request

from apim_traffic.cache.wishes import CONDITIONS, RANGES

__all__ = ["copy_of"]


def copy_of(exchange: Exchange) -> Exchange:
    """An exchange that asks the backend for the whole of the same, and outlives the client's."""
    asked = exchange.request
    headers = asked.headers.copy()
    for name in CONDITIONS | RANGES:
        headers.discard(name)
    request = Request("GET", asked.path, asked.query_string, headers, host=asked.host, scheme=asked.scheme)
    copy = Exchange(request, exchange.client, started=exchange.timings.started)
    copy.api = exchange.api
    copy.operation = exchange.operation
    copy.plan = exchange.plan
    copy.principal = exchange.principal
    copy.application = exchange.application
    copy.subscription = exchange.subscription
    copy.key_type = exchange.key_type
    copy.path_parameters = exchange.path_parameters
    copy.endpoint_path = exchange.endpoint_path
    copy.variables.update(exchange.variables)
    return copy
