"""The `http` endpoint: sends the request on to a backend."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar
from urllib.parse import urlsplit

import attrs
from apim_sdk import Context, Endpoint, Exchange, Response, Status, Upstream, UpstreamSettings
from apim_sdk.plugin import state

__all__ = ["HTTP"]


def _backend_url(instance: HTTP, attribute: attrs.Attribute[str], value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is no URL of a backend: write http://host:port/path or https://...")
    if parts.fragment or parts.username is not None:
        raise ValueError("the URL of a backend has no fragment and no user name")


@attrs.frozen
class HTTP(UpstreamSettings, Endpoint):
    """Send the request to an HTTP/1.1 backend.

    What follows the API's context in the path, or what a policy put in its place, is appended to the URL's path; a
    query of the URL comes before the client's own. Connections are kept and shared by all endpoints of the same origin
    and settings.
    """

    status: ClassVar[Status] = Status.STABLE
    example: ClassVar[object] = {"url": "http://127.0.0.1:9000/v1", "connect_timeout": "2s"}

    url: str = attrs.field(kw_only=True, validator=_backend_url)
    """Where the backend is: `http://host:port/path` or `https://...`."""
    _prefix: str = state()
    _query: str = state()
    _upstream: Upstream = state()

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.hold(_prefix=parts.path.rstrip("/"), _query=parts.query)

    async def start(self, context: Context) -> None:
        self.hold(_upstream=await context.upstream(self.url, self))

    def send(self, exchange: Exchange) -> Coroutine[Any, Any, Response]:
        target = self._prefix + exchange.endpoint_path
        query = exchange.request.query_string
        if self._query:
            query = f"{self._query}&{query}" if query else self._query
        return self._upstream.send(exchange, f"{target}?{query}" if query else target)
