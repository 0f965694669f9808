"""Make an exchange up, as the gateway would hand it to a plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from apim_sdk.body import Body, BodyError
from apim_sdk.errors import Fault
from apim_sdk.exchange import API, Exchange, Operation, Plan
from apim_sdk.headers import Headers
from apim_sdk.identity import Application, Client, Principal, Subscription
from apim_sdk.messages import Request, Response

__all__ = ["Chunks", "Content", "Fields", "make_body", "make_exchange", "make_headers", "make_response"]

Content = bytes | str | Iterable[bytes]
"""A body: bytes or text that are all there, or chunks that arrive one by one."""

Fields = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields: a mapping, or pairs where order or duplicates matter."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Chunks:
    """A body source that gives the chunks it was told to, each after a turn of the event loop.

    ``broken`` makes it fail with BodyError where the end should be, as a connection that was reset does.
    """

    def __init__(self, chunks: Iterable[bytes], *, broken: bool = False) -> None:
        self._chunks = iter([chunk for chunk in chunks if chunk])
        self._broken = broken
        self.closed = False

    def ready(self) -> bytes | None:
        """Nothing is ready without waiting."""
        return None

    async def read(self) -> bytes:
        """The next chunk; ``b""`` at the end."""
        await asyncio.sleep(0)
        chunk = next(self._chunks, b"")
        if not chunk and self._broken:
            raise BodyError("the fake body was told to break here")
        return chunk

    def close(self) -> None:
        """Nobody reads the rest."""
        self._chunks = iter(())
        self.closed = True


def make_body(content: Content, *, broken: bool = False) -> Body:
    """A body that is all there (bytes, text as UTF-8), or one that arrives in the given chunks."""
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, bytes):
        if not broken:
            return Body(content)
        content = [content]
    return Body.arriving(Chunks(content, broken=broken))


def make_headers(fields: Fields) -> Headers:
    """Headers out of a mapping or pairs; they are taken over if they are headers already."""
    if isinstance(fields, Headers):
        return fields
    return Headers(fields.items() if isinstance(fields, Mapping) else fields)


def make_response(status: int = 200, headers: Fields = (), body: Content = b"", *, broken: bool = False) -> Response:
    """A response; ``body`` as for ``make_body``."""
    return Response(status, make_headers(headers), make_body(body, broken=broken))


def make_exchange(
    line: str = "GET /",
    headers: Fields = (),
    body: Content = b"",
    *,
    host: str | None = None,
    scheme: str = "http",
    client: str | Client = "203.0.113.7",
    api: API | None = None,
    operation: Operation | None = None,
    path_parameters: Mapping[str, str] = _NOTHING,
    endpoint_path: str | None = None,
    plan: str | Plan | None = None,
    principal: str | Principal | None = None,
    application: Application | None = None,
    subscription: Subscription | None = None,
    variables: Mapping[str, Any] = _NOTHING,
    response: Response | None = None,
    fault: Fault | None = None,
    id: str = "00000000-0000-4000-8000-000000000001",  # noqa: A002  # the word that Exchange uses
) -> Exchange:
    """An exchange that asks for ``line``, such as ``POST /orders?x=1``.

    No header is added to those given; a ``Host`` among them is the host. ``plan`` and ``principal`` may be just a name;
    ``client`` an address. What is not given looks like an API ``test`` whose one operation takes the request.
    """
    method, _, target = line.rpartition(" ")
    method = method or "GET"
    path, _, query_string = target.partition("?")
    if not path.startswith("/"):
        raise ValueError(f"{line!r} is no request line: write it as in 'POST /orders?x=1'")
    fields = make_headers(headers)
    host = host or fields.get("host", "localhost")
    request = Request(method, path, query_string, fields, make_body(body), host=host, scheme=scheme)
    exchange = Exchange(request, client if isinstance(client, Client) else Client(ip_address(client)), id)
    exchange.api = api or API("test", "1.0", "/")
    exchange.operation = operation or Operation(method, path)
    exchange.path_parameters = path_parameters
    exchange.endpoint_path = path if endpoint_path is None else endpoint_path
    exchange.plan = Plan(plan) if isinstance(plan, str) else plan
    exchange.principal = Principal(principal) if isinstance(principal, str) else principal
    exchange.application = application
    exchange.subscription = subscription
    exchange.response = response
    exchange.fault = fault
    exchange.variables.update(variables)
    return exchange
