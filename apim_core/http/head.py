"""From the bytes of a request's head to a Request and its framing.

llhttp (through httptools) reads the fields; what it lets pass is checked here: spaces in the request line, the
version, white space behind a value, Host, the target. It is only ever given one whole head at a time, so that it
never decides where a body ends.
"""

from __future__ import annotations

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
from apim_sdk.messages import Request
from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from apim_core.http.framing import FRAMING_FIELDS, PLAIN, PLAIN_CLOSE, Framing, framing_of
from apim_core.http.settings import LimitSettings
from apim_core.http.target import InvalidTarget, parse_authority, split_target

__all__ = ["HeadParser"]


class HeadParser:
    """Reads the heads of one connection, one after the other."""

    __slots__ = ("_authority", "_host", "_items", "_limits", "_parser", "_scheme", "_stale", "_target")

    def __init__(self, limits: LimitSettings, scheme: str) -> None:
        self._limits = limits
        self._scheme = scheme
        self._items: list[Pair] = []
        self._target = b""
        self._authority = b""
        self._host = ""
        self._stale = False
        self._parser = HttpRequestParser(self)

    def on_url(self, url: bytes) -> None:
        """Called by the parser; once, since it gets the head in one piece."""
        self._target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each field."""
        self._items.append((name, value))

    def close(self) -> None:
        """Let go of the parser, which refers back to this."""
        del self._parser

    def skip(self, body: bytes) -> None:
        """Tell the parser of the whole body of the last request, so that it can be used for the next one."""
        self._parser.feed_data(body)
        self._stale = False

    def read(self, head: bytes) -> tuple[Request, Framing]:
        """Read one head, from its first byte to the empty line and with nothing behind it. Raises Fault."""
        if self._stale:
            self._parser = HttpRequestParser(self)
        self._stale = True
        items = self._items = []
        try:
            self._parser.feed_data(head)
        except HttpParserUpgrade:
            pass
        except HttpParserInvalidMethodError:
            raise _unknown_method(head) from None
        except HttpParserError as error:
            raise _invalid(head, error) from None
        method = self._parser.get_method()
        version_10 = self._check(head, method, items)
        headers = Headers.from_raw(items)
        index = headers.index
        if not FRAMING_FIELDS.isdisjoint(index):
            framing = framing_of(headers, method, version_10)
        else:
            framing = PLAIN_CLOSE if version_10 else PLAIN
        self._stale = framing.length != 0 or framing.upgrade is not None
        try:
            path, query, authority = split_target(self._target)
            host = self._read_host(headers, authority, version_10)
        except InvalidTarget as error:
            raise Fault(BAD_REQUEST, f"The request cannot be understood: {error.reason}") from None
        if path == "*" and method != b"OPTIONS":
            raise Fault(BAD_REQUEST, "Only OPTIONS takes the target *")
        return Request(method.decode("ascii"), path, query, headers, Body(), host=host, scheme=self._scheme), framing

    def _check(self, head: bytes, method: bytes, items: list[Pair]) -> bool:
        """What llhttp lets pass, and the limits. Answers whether the request is of HTTP/1.0."""
        limits = self._limits
        end = head.find(b"\r\n")
        if end > limits.request_line:
            raise Fault(URI_TOO_LONG, f"The request line is longer than {limits.request_line} bytes")
        if len(items) > limits.headers:
            raise Fault(HEADERS_TOO_LARGE, f"There are more than {limits.headers} header fields")
        if len(head) > limits.header and max(len(n) + len(v) for n, v in items) > limits.header:
            raise Fault(HEADERS_TOO_LARGE, f"A header field is longer than {limits.header} bytes")
        if b" \r\n" in head or b"\t\r\n" in head:
            items[:] = [(name, value.strip(b" \t")) for name, value in items]
        line = head[:end]
        if line == b"%b %b HTTP/1.1" % (method, self._target):
            return False
        if line == b"%b %b HTTP/1.0" % (method, self._target):
            return True
        raise Fault(BAD_REQUEST, "The request line is not a method, a target and a version with one space between")

    def _read_host(self, headers: Headers, authority: bytes | None, version_10: bool) -> str:
        values = headers.values_of(b"host")
        if len(values) != 1:
            if values:
                raise InvalidTarget("there is more than one Host")
            if not version_10:
                raise InvalidTarget("there is no Host")
            return "" if authority is None else parse_authority(authority)
        value = values[0]
        if value != self._authority or not value:
            self._host = parse_authority(value)
            self._authority = value
        if authority is not None and parse_authority(authority) != self._host:
            raise InvalidTarget("Host is not that of the request target")
        return self._host


def _unknown_method(head: bytes) -> Fault:
    method, space, _ = head.partition(b" ")
    if space and method.replace(b"-", b"").isalpha():
        return Fault(NOT_IMPLEMENTED, "The method is not known")
    return Fault(BAD_REQUEST, "The request does not begin with a method")


def _invalid(head: bytes, error: HttpParserError) -> Fault:
    line = head[: head.find(b"\r\n")]
    _, slash, version = line.rpartition(b" HTTP/")
    if slash and version not in (b"1.1", b"1.0") and len(version) == 3 and version[::2].isdigit():
        return Fault(VERSION_NOT_SUPPORTED, "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    return Fault(BAD_REQUEST, f"The head of the request is not valid HTTP: {error}")
