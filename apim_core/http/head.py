"""From the bytes of a request's head to a Request and its framing.

llhttp (through httptools) reads the fields; what it lets pass is checked here: spaces in the request line, the
version, white space behind a value, Host, the target. It is only ever given one whole head at a time, so that it
never decides where a body ends.
"""

from __future__ import annotations

import re

from apim_sdk.body import Body
from apim_sdk.errors import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    NOT_IMPLEMENTED,
    URI_TOO_LONG,
    VERSION_NOT_SUPPORTED,
    Fault,
)
from apim_sdk.headers import Headers, Pair
from apim_sdk.identity import Client
from apim_sdk.messages import Request
from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from apim_core.http.forwarding import Guard
from apim_core.http.framing import FRAMING_FIELDS, PLAIN, PLAIN_CLOSE, Framing, framing_of
from apim_core.http.settings import LimitSettings
from apim_core.http.target import InvalidTarget, parse_authority, split_target

__all__ = ["HeadParser", "is_no_head", "too_large"]

_UNDERSCORE, _TAB = b"_\t"
_CONNECTION = frozenset((b"connection",))
_KEEP_ALIVE = [b"keep-alive"]
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/1\.[01]")
_OTHER_VERSION = re.compile(rb"HTTP/(?!1\.[01])[0-9]\.[0-9]")
_FIRST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [\x21-\xff]+ HTTP/[0-9]\.[0-9]")
_FIRST_BYTE = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\r")
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}


class HeadParser:
    """Reads the heads of one connection, one after the other."""

    __slots__ = (
        "_authority",
        "_client",
        "_guard",
        "_host",
        "_items",
        "_limits",
        "_most",
        "_parser",
        "_scheme",
        "_small",
        "_stale",
        "_upgraded",
        "_watched",
    )

    def __init__(self, limits: LimitSettings, guard: Guard, client: Client) -> None:
        self._limits = limits
        self._guard = guard
        self._watched = FRAMING_FIELDS | guard.watched
        self._small = min(limits.request_line, limits.header, limits.head)
        self._most = limits.headers
        self._client = client
        self._scheme = "http" if client.tls is None else "https"
        self._items: list[Pair] = []
        self._authority: bytes | None = None
        self._host = ""
        self._stale = False
        self._upgraded = False
        self._parser = HttpRequestParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each field."""
        self._items.append((name, value))

    def close(self) -> None:
        """Let go of the parser, which refers back to this."""
        del self._parser

    def skip(self, body: bytes) -> None:
        """Tell the parser of the whole body of the last request, so that it can be used for the next one."""
        if not self._upgraded:
            self._parser.feed_data(body)
            self._stale = False

    def read(self, head: bytes) -> tuple[Request, Framing, Client]:
        """Read one head, from its first byte to the empty line and with nothing behind it. Raises Fault."""
        if self._stale:
            self._parser = HttpRequestParser(self)
            self._stale = self._upgraded = False
        items = self._items = []
        try:
            self._parser.feed_data(head)
        except HttpParserUpgrade:
            self._stale = self._upgraded = True
        except HttpParserError as error:
            raise _invalid(head, error) from None
        end = head.find(b"\r\n")
        try:
            method, target, version = head[:end].split(b" ")
        except ValueError:
            raise Fault(BAD_REQUEST, "The request line is not three words with one space between") from None
        framing = PLAIN if version == b"HTTP/1.1" else _older(version)
        if len(head) > self._small or len(items) > self._most:
            self._check_sizes(head, end, items)
        if head.find(b" \r\n", end) > 0 or _TAB in head:
            items = [(name, value.strip(b" \t")) for name, value in items]
        headers = Headers.from_raw(items)
        index = headers.index
        try:
            path, query, authority = split_target(target)
            hosts = index.get(b"host")
            if hosts is None or len(hosts) > 1 or authority is not None or items[hosts[0]][1] != self._authority:
                self._read_host(headers, authority, framing.version_10)
        except InvalidTarget as error:
            raise _not_understood(method, error) from None
        name = _METHODS.get(method)
        if name is None or path == "*":
            name = _rarer_method(method, self._parser.get_method(), path)
        request = Request.arrived(name, path, query, headers, Body(), self._host, self._scheme)
        if _UNDERSCORE in head and _UNDERSCORE in b"".join(index):
            self._guard.check_names(index)
        if self._watched.isdisjoint(index):
            return request, framing, self._client
        present = self._watched.intersection(index)
        if present == _CONNECTION and framing is PLAIN and headers.values_of(b"connection") == _KEEP_ALIVE:
            headers.discard(b"connection")
            return request, framing, self._client
        framing = framing_of(headers, method, framing.version_10)
        if framing.length != 0:
            self._stale = True
        if self._guard.watched.isdisjoint(present):
            return request, framing, self._client
        return request, framing, self._guard.admit(request, self._client, framing, present)

    def _check_sizes(self, head: bytes, end: int, items: list[Pair]) -> None:
        limits = self._limits
        if end > limits.request_line:
            raise Fault(URI_TOO_LONG, f"The request line is longer than {limits.request_line} bytes")
        if len(head) > limits.head:
            raise Fault(HEADERS_TOO_LARGE, f"The head of the request is longer than {limits.head} bytes")
        if len(items) > limits.headers:
            raise Fault(HEADERS_TOO_LARGE, f"There are more than {limits.headers} header fields")
        if any(len(name) + len(value) > limits.header for name, value in items):
            raise Fault(HEADERS_TOO_LARGE, f"A header field is longer than {limits.header} bytes")

    def _read_host(self, headers: Headers, authority: bytes | None, version_10: bool) -> None:
        """Check Host, which must be there once and agree with an absolute target (RFC 9112, section 3.2)."""
        values = headers.values_of(b"host")
        if len(values) > 1:
            raise InvalidTarget("there is more than one Host")
        if not values and not version_10:
            raise InvalidTarget("there is no Host")
        if values:
            self._host = parse_authority(values[0])
            self._authority = values[0]
            if authority is not None and parse_authority(authority) != self._host:
                raise InvalidTarget("Host is not that of the request target")
        else:
            self._host = "" if authority is None else parse_authority(authority)
            self._authority = None


def _older(version: bytes) -> Framing:
    if version == b"HTTP/1.0":
        return PLAIN_CLOSE
    if _OTHER_VERSION.fullmatch(version) is not None:
        raise Fault(VERSION_NOT_SUPPORTED, "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    raise Fault(BAD_REQUEST, "The request line does not end with a version of HTTP")


def _not_understood(method: bytes, error: InvalidTarget) -> Fault:
    if method == b"CONNECT":
        return Fault(NOT_IMPLEMENTED, "This is not a proxy that connects to other hosts")
    return Fault(BAD_REQUEST, f"The request cannot be understood: {error.reason}")


def _rarer_method(method: bytes, parsed: bytes, path: str) -> str:
    if method != parsed:  # llhttp skips line ends in front of it
        raise Fault(BAD_REQUEST, "The request does not begin with a method")
    if method == b"CONNECT":
        raise Fault(NOT_IMPLEMENTED, "This is not a proxy that connects to other hosts")
    if path == "*" and method != b"OPTIONS":
        raise Fault(BAD_REQUEST, "Only OPTIONS takes the target *")
    return method.decode("ascii")


def _invalid(head: bytes, error: HttpParserError) -> Fault:
    line = head[: head.find(b"\r\n")]
    if isinstance(error, HttpParserInvalidMethodError):
        if _REQUEST_LINE.fullmatch(line) is not None:
            return Fault(NOT_IMPLEMENTED, "The method is not known")
        return Fault(BAD_REQUEST, "The request does not begin with a method")
    if _OTHER_VERSION.fullmatch(line.rpartition(b" ")[2]) is not None:
        return Fault(VERSION_NOT_SUPPORTED, "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    return Fault(BAD_REQUEST, f"The head of the request is not valid HTTP: {error}")


def too_large(data: bytes, limits: LimitSettings) -> Fault:
    """The refusal of a head that is too long already, for its first line or as a whole."""
    if data.find(b"\r\n", 0, limits.request_line + 2) < 0:
        return Fault(URI_TOO_LONG, f"The request line is longer than {limits.request_line} bytes")
    return Fault(HEADERS_TOO_LARGE, f"The head of the request is longer than {limits.head} bytes")


def is_no_head(data: bytes) -> bool:
    """Whether the beginning of a head is wrong already, so that its end need not be awaited."""
    lines = data.count(b"\r\n")
    returns = data.count(b"\r") - data.endswith(b"\r")
    if lines != data.count(b"\n") or lines != returns or 0 in data or b"\n " in data or b"\n\t" in data:
        return True
    if lines:
        return _FIRST_LINE.fullmatch(data, 0, data.find(b"\r")) is None
    return data != b"" and data[0] not in _FIRST_BYTE
