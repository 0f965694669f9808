"""The head of a request as it goes to the backend, and the end-to-end fields of the answer's head."""

from __future__ import annotations

import re
from functools import lru_cache

from apim_sdk.headers import Headers, Pair
from apim_sdk.identity import Client
from apim_sdk.messages import Request

from apim_core.http.upstream_settings import Origin

__all__ = ["RequestHead", "end_to_end"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"[\x21-\x7e]+")

_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_REPLACED = _HOP_BY_HOP | {b"expect", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}


@lru_cache(maxsize=64)
def _encode_method(method: str) -> bytes:
    if _TOKEN.fullmatch(method) is None:
        raise ValueError(f"{method!r} is not a method: it must be a token (RFC 9110, section 9.1)")
    return method.encode()


def _listed(headers: Headers) -> list[bytes]:
    """The names that Connection lists (RFC 9110, section 7.6.1), in lower case."""
    items = headers._items
    return [
        token.strip(b" \t").lower()
        for place in headers.index.get(b"connection", ())
        for token in items[place][1].split(b",")  # type: ignore[index]
    ]


def end_to_end(headers: Headers) -> None:
    """Take out of an answer's headers what was for this connection only (RFC 9110, section 7.6.1)."""
    index = headers.index
    if not _HOP_BY_HOP.isdisjoint(index):
        if b"connection" in index:
            for name in _listed(headers):
                if name not in (b"content-length", b"host", b"set-cookie"):
                    headers.discard(name)
        for name in _HOP_BY_HOP:
            headers.discard(name)


class RequestHead:
    """Writes the heads of all requests to one origin; what is the same in each is made once."""

    __slots__ = ("_host", "_prefix")

    def __init__(self, origin: Origin, *, absolute: bool, preserve_host: bool) -> None:
        self._host = None if preserve_host else b"\r\nHost: " + origin.authority.encode("ascii")
        self._prefix = str(origin).encode("ascii") if absolute else b""

    def write(self, request: Request, target: str, client: Client | None, length: int | None) -> bytes:
        """Request line and fields, with the empty line; ``length`` is that of the body, None if it goes in chunks."""
        if _TARGET.fullmatch(target) is None:
            raise ValueError(f"{target!r} is not a request target: it must hold visible ASCII only")
        headers = request.headers
        index = headers.index
        items: list[Pair | None] = headers._items.copy()
        for name in _REPLACED.intersection(index):
            for place in index[name]:
                items[place] = None
        if b"connection" in index:
            for name in _listed(headers):
                if name not in (b"content-length", b"host"):
                    for place in index.get(name, ()):
                        items[place] = None
        host = self._host
        if host is None:
            host = b"\r\nHost: " + request.host.encode("ascii")
        for place in index.get(b"host", ()):
            items[place] = None
        for place in index.get(b"content-length", ()):
            items[place] = None
        if length is None:
            framing = b"\r\nTransfer-Encoding: chunked"
        elif length or b"content-length" in index or request.method in ("POST", "PUT", "PATCH"):
            framing = b"\r\nContent-Length: %d" % length
        else:
            framing = b""
        forwarded = (
            b""
            if client is None
            else f"\r\nX-Forwarded-For: {client.address}\r\nX-Forwarded-Proto: {request.scheme}"
            f"\r\nX-Forwarded-Host: {request.host}".encode("latin-1")
        )
        fields = b"\r\n".join(map(b": ".join, filter(None, items)))
        return b"%b %b%b HTTP/1.1%b%b%b\r\nVia: 1.1 apim%b\r\n\r\n" % (
            _encode_method(request.method),
            self._prefix,
            target.encode("ascii"),
            host,
            b"\r\n" + fields if fields else b"",
            framing,
            forwarded,
        )
