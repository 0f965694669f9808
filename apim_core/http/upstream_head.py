"""The head of a request as it goes to the backend."""

from __future__ import annotations

import re
from functools import lru_cache

from apim_sdk.headers import Headers, Pair
from apim_sdk.identity import Client
from apim_sdk.messages import Request

from apim_core.http.forwarding import HOP_BY_HOP, forwarding_fields
from apim_core.http.known import KnownHeaders, Written
from apim_core.http.upstream_fields import listed
from apim_core.http.upstream_proxy import proxy_authorization
from apim_core.http.upstream_settings import Origin, UpstreamSettings

__all__ = ["RequestHead", "upgrade_of"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_AUTHORITY = re.compile(r"[0-9A-Za-z\-._~%!$&'()*+,;=:\[\]]+").fullmatch

_OWNED = HOP_BY_HOP | {b"content-length", b"expect", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
"""Fields that do not go on as they came: they concern the client's connection, or the gateway writes its own."""

_MOST_CLIENTS = 1024
"""Clients whose forwarding fields are remembered; each is held, so that its id stays its own."""

_WITH_CONTENT = frozenset(("PATCH", "POST", "PUT"))


@lru_cache(maxsize=64)
def _encode_method(method: str) -> bytes:
    if _TOKEN.fullmatch(method) is None:
        raise ValueError(f"{method!r} is not a method: it must be a token (RFC 9110, section 9.1)")
    return method.encode() + b" "


def upgrade_of(request: Request) -> bool:
    """Whether the request asks to change to WebSocket; no other protocol is passed on (h2c would pass every policy).

    Upgrade is what counts: Connection, which names it, ended at the listener.
    """
    values = request.headers.values_of(b"upgrade")
    return len(values) == 1 and values[0].lower() == b"websocket" and request.method == "GET"


class RequestHead:
    """Writes the heads of all requests to one origin; what is the same in each is made once."""

    __slots__ = ("_clients", "_end", "_prefix", "_preserve_host", "_version")

    def __init__(self, origin: Origin, settings: UpstreamSettings, via: str) -> None:
        self._preserve_host = settings.preserve_host
        if not origin.host.isascii():
            raise ValueError(f"the host {origin.host!r} must be ASCII: write an international name as xn--...")
        host = b"" if settings.preserve_host else b"\r\nHost: " + origin.authority.encode("ascii")
        proxy = settings.proxy
        self._prefix = authorization = b""
        if proxy is not None and not origin.secure:
            self._prefix = str(origin).encode("ascii")
            authorization = proxy_authorization(proxy)
        self._version = b" HTTP/1.1" + host + authorization
        self._clients: dict[int, tuple[Client, str, str, bytes]] = {}
        self._end = b"\r\nVia: 1.1 " + via.encode("ascii") + b"\r\n\r\n"

    def write(self, request: Request, target: str, client: Client | None, length: int | None, upgrade: bool) -> bytes:
        """Request line and fields, with the empty line; ``length`` is that of the body, None if it goes in chunks.

        Raises ValueError if method, target or (where it is kept) host would not stay in their place.
        """
        if not target or not target.isascii() or not target.isprintable() or " " in target:
            raise ValueError(f"{target!r} is not a request target: it must be visible ASCII without spaces")
        if length:
            framing = b"\r\nContent-Length: %d" % length
        elif length is None:
            framing = b"\r\nTransfer-Encoding: chunked"
        elif request.method in _WITH_CONTENT or b"content-length" in (request.headers._index or request.headers.index):
            framing = b"\r\nContent-Length: 0"
        else:
            framing = b""
        if upgrade:
            framing += b"\r\nConnection: Upgrade\r\nUpgrade: websocket"
        if self._preserve_host:
            framing = self._host(request) + framing
        return b"".join(
            (
                _encode_method(request.method),
                self._prefix,
                target.encode("ascii"),
                self._version,
                framing,
                self._fields(request, client),
            )
        )

    def _fields(self, request: Request, client: Client | None) -> bytes:
        """The lines behind those that differ from request to request; remembered for fields that came before."""
        known = request.headers._origin
        if known.__class__ is not KnownHeaders:
            return self._write_fields(request, client)
        written = known.written
        if (
            written is not None
            and written.writer is self
            and written.client is client
            and written.host == request.host
            and written.scheme == request.scheme
        ):
            return written.lines
        lines = self._write_fields(request, client)
        known.written = Written(self, client, request.host, request.scheme, lines)
        return lines

    def _write_fields(self, request: Request, client: Client | None) -> bytes:
        headers = request.headers
        index = headers.index
        items = headers._items[1:] if index.get(b"host") == [0] and _OWNED.isdisjoint(index) else _end_to_end(headers)
        lines = b"\r\n".join(map(b": ".join, filter(None, items)))
        forwarded = b"" if client is None else self._forwarding_fields(request, client)
        return b"".join((forwarded, b"\r\n" if lines else b"", lines, self._end))

    def _forwarding_fields(self, request: Request, client: Client) -> bytes:
        """As ``forwarding_fields``, which is asked once for all requests of a client to the same host."""
        known = self._clients.get(id(client))
        if known is not None and known[1] == request.host and known[2] == request.scheme:
            return known[3]
        fields = forwarding_fields(request, client)
        if not client.trusted:
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()
            self._clients[id(client)] = (client, request.host, request.scheme, fields)
        return fields

    def _host(self, request: Request) -> bytes:
        if _AUTHORITY(request.host) is None:
            raise ValueError(f"{request.host!r} is not a host")
        return b"\r\nHost: " + request.host.encode("ascii")


def _end_to_end(headers: Headers) -> list[Pair | None]:
    index = headers.index
    names = {b"host", *_OWNED.intersection(index)}
    for value in headers.values_of(b"connection"):
        names |= listed(value)
    items: list[Pair | None] = list(headers._items)
    for name in names:
        for place in index.get(name, ()):
            items[place] = None
    return items
