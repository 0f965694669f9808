"""The two messages of an exchange: the request that came in, the response that goes out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from apim_sdk.body import Body
from apim_sdk.headers import Headers

__all__ = ["Request", "Response", "Tunnel", "reason_phrase"]

_PHRASES: Mapping[int, str] = MappingProxyType(
    {
        **{status.value: status.phrase for status in HTTPStatus},
        413: "Content Too Large",  # RFC 9110 renamed these; Python's names follow in 3.13
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
    }
)


def reason_phrase(status: int) -> str:
    """The standard phrase of a status (RFC 9110, section 15), or an empty string."""
    return _PHRASES.get(status, "")


class Request:
    """What the client asked for.

    ``path`` is the canonical path (DESIGN: one path for router, policies and upstream): it begins with ``/``, keeps
    percent-encoding that need not change and never holds dot segments, empty segments or encoded slashes.
    ``query_string`` is what stood behind the ``?``, untouched; ``host`` the authority in lower case, checked.
    """

    __slots__ = ("_cookies", "_query", "body", "headers", "host", "method", "path", "query_string", "scheme")

    def __init__(
        self,
        method: str = "GET",
        path: str = "/",
        query_string: str = "",
        headers: Headers | None = None,
        body: Body | None = None,
        *,
        host: str = "localhost",
        scheme: str = "http",
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = Headers() if headers is None else headers
        self.body = Body() if body is None else body
        self.host = host
        self.scheme = scheme
        self._query: tuple[str, Mapping[str, tuple[str, ...]]] | None = None
        self._cookies: tuple[bytes | None, Mapping[str, str]] | None = None

    @classmethod
    def arrived(
        cls, method: str, path: str, query_string: str, headers: Headers, body: Body, host: str, scheme: str
    ) -> Request:
        """A request of parts that a server has already checked: the same, but quicker made."""
        request = cls.__new__(cls)
        request.method = method
        request.path = path
        request.query_string = query_string
        request.headers = headers
        request.body = body
        request.host = host
        request.scheme = scheme
        request._query = None
        request._cookies = None
        return request

    @property
    def query(self) -> Mapping[str, tuple[str, ...]]:
        """The query parameters, decoded; each name with all its values in order."""
        if self._query is None or self._query[0] != self.query_string:
            values: dict[str, tuple[str, ...]] = {}
            for name, value in parse_qsl(self.query_string, keep_blank_values=True, errors="replace"):
                values[name] = (*values.get(name, ()), value)
            self._query = (self.query_string, MappingProxyType(values))
        return self._query[1]

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies (RFC 6265, section 4.2), the first of each name."""
        header = self.headers.first(b"cookie")
        if self._cookies is None or self._cookies[0] != header:
            values: dict[str, str] = {}
            for line in self.headers.get_all("cookie"):
                for pair in line.split(";"):
                    name, equals, value = pair.strip().partition("=")
                    if equals:
                        values.setdefault(name, value.strip('"'))
            self._cookies = (header, MappingProxyType(values))
        return self._cookies[1]

    @property
    def decoded_path(self) -> str:
        """The path without percent-encoding, for comparing and showing; never send it on."""
        return unquote(self.path)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


class Tunnel(Protocol):
    """The endpoint's side of a connection that has changed its protocol (101 Switching Protocols)."""

    async def read(self) -> bytes:
        """The next bytes from the endpoint; ``b""`` when it has closed its side."""

    async def write(self, data: bytes) -> None:
        """Send bytes to the endpoint; returns when there is room for more."""

    def close(self) -> None:
        """End the connection."""


class Response:
    """What goes back to the client.

    ``tunnel`` is set on a 101 answer only: the bytes that follow are relayed both ways. ``trailers`` are those that
    the endpoint sent behind a chunked body; they never join the headers.
    """

    __slots__ = ("body", "headers", "reason", "status", "trailers", "tunnel")

    def __init__(
        self,
        status: int = 200,
        headers: Headers | None = None,
        body: Body | bytes | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        self.status = status
        self.headers = Headers() if headers is None else headers
        self.body = body if isinstance(body, Body) else Body(body or b"")
        self.reason = reason
        self.tunnel: Tunnel | None = None
        self.trailers: Headers | None = None

    @classmethod
    def arrived(cls, status: int, headers: Headers, body: Body, reason: str | None) -> Response:
        """A response of parts that an endpoint has already checked: the same, but quicker made."""
        response = cls.__new__(cls)
        response.status = status
        response.headers = headers
        response.body = body
        response.reason = reason
        response.tunnel = None
        response.trailers = None
        return response

    def __repr__(self) -> str:
        return f"<Response {self.status}>"
