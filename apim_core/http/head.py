"""From the bytes of a request's head to a Request and its framing.

llhttp (through httptools) reads the fields; what it lets pass is checked here: spaces in the request line, the
version, white space behind a value, Host, the target. It is only ever given one whole head at a time, so that it
never decides where a body ends.
"""

from __future__ import annotations

import re

import attrs
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
from apim_core.http.known import KnownBut, KnownHeaders
from apim_core.http.settings import LimitSettings
from apim_core.http.target import InvalidTarget, parse_authority, plain_target, split_target

__all__ = ["HeadParser", "is_no_head", "too_large"]

_UNDERSCORE, _TAB = b"_\t"
_VISIBLE = bytes(range(0x21, 0x7F))
_REMEMBERED = 4096
"""Up to this size the header fields of the last request are kept."""
_LESSONS = 8
"""How often a connection is looked at for the one field by which its requests differ."""
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/1\.[01]")
_OTHER_VERSION = re.compile(rb"HTTP/(?!1\.[01])[0-9]\.[0-9]")
_FIRST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} [\x21-\xff]+ HTTP/[0-9]\.[0-9]")
_FIRST_BYTE = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\r")
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}


@attrs.frozen
class _Known:
    """What the same header fields meant the last time."""

    headers: KnownHeaders
    varied: KnownBut | None
    """The same, where one of them has another value each time."""
    framing: Framing
    client: Client
    host: str
    scheme: str


@attrs.frozen
class _Whole:
    """A whole head that may come again, and what it meant: a client that asks the same again and again.

    ``before`` and ``behind`` are what surrounds the value that may differ; ``before`` is all where none may.
    """

    before: bytes
    behind: bytes
    method: str
    path: str
    query: str
    known: _Known


class HeadParser:
    """Reads the heads of one connection, one after the other.

    A client that keeps its connection mostly sends the same fields again and again. When they come for the third time
    in a row, byte for byte, what they meant is known; only the request line, if it is a plain one, is read anew. So is
    the value of one field, where requests differ in that alone, as they do in the token if a proxy sends those of many
    clients; never of one that framing, the guard or the host depend on.
    """

    __slots__ = (
        "_authority",
        "_block",
        "_client",
        "_fed",
        "_fixed",
        "_guard",
        "_host",
        "_items",
        "_key",
        "_known",
        "_lessons",
        "_limits",
        "_line",
        "_most",
        "_parser",
        "_prefix",
        "_scheme",
        "_small",
        "_stale",
        "_upgraded",
        "_watched",
        "_whole",
    )

    def __init__(self, limits: LimitSettings, guard: Guard, client: Client) -> None:
        self._limits = limits
        self._guard = guard
        self._watched = FRAMING_FIELDS | guard.watched
        self._fixed = self._watched | {b"host"}
        self._small = min(limits.request_line, limits.header, limits.head)
        self._most = limits.headers
        self._client = client
        self._scheme = "http" if client.tls is None else "https"
        self._items: list[Pair] = []
        self._block: bytes | None = None
        """The fields of the last request, with the line ends around them."""
        self._prefix: bytes | None = None
        """The beginning of the line that differs from request to request."""
        self._key: object = None
        """What of the fields is compared: all, or those before and behind that line."""
        self._known: _Known | None = None
        self._line = b""
        """The last request line before known fields."""
        self._whole: _Whole | None = None
        self._lessons = _LESSONS
        self._authority: bytes | None = None
        self._host = ""
        self._fed = False
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
        if self._fed and not self._upgraded:
            self._parser.feed_data(body)
            self._stale = False

    def read(self, head: bytes) -> tuple[Request, Framing, Client]:
        """Read one head, from its first byte to the empty line and with nothing behind it. Raises Fault."""
        whole = self._whole
        if whole is None:
            return self._read(head)
        known = whole.known
        if known.varied is None:
            if head != whole.before:
                return self._read(head)
            headers = known.headers.share()
        else:
            if not head.startswith(whole.before) or len(head) > self._small:
                return self._read(head)
            value, _, behind = head[len(whole.before) :].partition(b"\r\n")
            if behind != whole.behind or not _is_plain(value):
                return self._read(head)
            headers = known.varied.with_value(value)
        self._fed = False
        body = Body.arrived(b"")
        request = Request.arrived(whole.method, whole.path, whole.query, headers, body, known.host, known.scheme)
        return request, known.framing, known.client

    def _read(self, head: bytes) -> tuple[Request, Framing, Client]:
        end = head.find(b"\r\n")
        key: object = head[end:]
        value = None
        if self._prefix is not None:
            before, found, behind = head[end:].partition(self._prefix)
            given, _, rest = behind.partition(b"\r\n")
            if found and _is_plain(given) and len(head) <= self._small:
                key = (before, rest)
                value = given
        if key != self._key:
            self._learn(head[end:], key)
            return self._read_fields(head, end)
        known = self._known
        if known is None:
            request, framing, client = self._read_fields(head, end)
            if not framing.version_10 and b"\nupgrade:" not in head.lower():
                self._know(request, framing, client, value is not None)
            return request, framing, client
        line = head[:end]
        words = line.split(b" ")
        name = _METHODS.get(words[0])
        if name is not None and len(words) == 3 and words[2] == b"HTTP/1.1" and end <= self._small:
            target = plain_target(words[1])
            if target is not None:
                self._fed = False
                varied = known.varied  # where a value was cut out
                headers = known.headers.share() if value is None or varied is None else varied.with_value(value)
                if line == self._line:
                    self._whole = self._whole_of(head, name, target, known)
                self._line = line
                request = Request.arrived(
                    name, target[0], target[1], headers, Body.arrived(b""), known.host, known.scheme
                )
                return request, known.framing, known.client
        return self._read_fields(head, end)

    def _whole_of(self, head: bytes, method: str, target: tuple[str, str], known: _Known) -> _Whole:
        """A head that has come before, as the next is compared with it."""
        prefix = self._prefix
        if known.varied is None or prefix is None:
            return _Whole(head, b"", method, *target, known)
        before, _, rest = head.partition(prefix)
        return _Whole(before + prefix, rest.partition(b"\r\n")[2], method, *target, known)

    def _learn(self, block: bytes, key: object) -> None:
        """The fields differ from those before: keep them, and see whether they differ by the value of one."""
        last, self._block = self._block, None
        self._known = None
        self._key = None
        if len(block) > _REMEMBERED:
            return
        self._block = block
        self._key = key
        if last is not None and self._lessons:
            self._lessons -= 1
            prefix = _difference(last, block)
            if prefix is not None and prefix != self._prefix and prefix[2:-2].lower() not in self._fixed:
                self._prefix = prefix
                self._key = None

    def _know(self, request: Request, framing: Framing, client: Client, varied: bool) -> None:
        """Keep what fields mean that have come twice."""
        headers = KnownHeaders.of(request.headers)
        but = None
        if varied:
            assert self._prefix is not None
            try:
                but = KnownBut(headers, self._prefix[2:-2].lower())
            except LookupError:
                self._prefix = None
                return
        self._known = _Known(headers, but, framing, client, request.host, request.scheme)

    def _read_fields(self, head: bytes, end: int) -> tuple[Request, Framing, Client]:
        items = self._feed(head)
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
        try:
            path, query, authority = split_target(target)
            hosts = headers.values_of(b"host")
            if len(hosts) != 1 or authority is not None or hosts[0] != self._authority:
                self._read_host(hosts, authority, framing.version_10)
        except InvalidTarget as error:
            raise _not_understood(method, error) from None
        name = _METHODS.get(method)
        if name is None or path == "*":
            name = _rarer_method(method, self._parser.get_method(), path)
        request = Request.arrived(name, path, query, headers, Body.arrived(b""), self._host, self._scheme)
        if _UNDERSCORE in head:
            self._guard.check_names(headers.index)
        present = self._watched.intersection(headers.index)
        if not present:
            return request, framing, self._client
        framing = framing_of(headers, method, framing.version_10)
        if framing.length != 0:
            self._stale = True
        if self._guard.watched.isdisjoint(present):
            return request, framing, self._client
        return request, framing, self._guard.admit(request, self._client, framing, present)

    def _feed(self, head: bytes) -> list[Pair]:
        """The fields of a head, as llhttp understands them."""
        if self._stale:
            self._parser = HttpRequestParser(self)
            self._stale = self._upgraded = False
        items: list[Pair] = []
        self._items = items
        self._fed = True
        try:
            self._parser.feed_data(head)
        except HttpParserUpgrade:
            self._stale = self._upgraded = True
        except HttpParserError as error:
            raise _invalid(head, error) from None
        return items

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

    def _read_host(self, values: list[bytes], authority: bytes | None, version_10: bool) -> None:
        """Check Host, which must be there once and agree with an absolute target (RFC 9112, section 3.2)."""
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


def _difference(block: bytes, other: bytes) -> bytes | None:
    """The beginning of the one line in which two blocks of fields differ, if it is the name of a field."""
    lines, others = block.split(b"\r\n"), other.split(b"\r\n")
    if len(lines) != len(others):
        return None
    differing = [(line, other) for line, other in zip(lines, others, strict=True) if line != other]
    if len(differing) != 1:
        return None
    (name, colon, _), (other_name, _, _) = (line.partition(b": ") for line in differing[0])
    return b"\r\n" + name + colon if colon and name and name == other_name else None


def _is_plain(value: bytes) -> bool:
    """Whether a value is visible ASCII, with one space in it at most."""
    left = value.translate(None, _VISIBLE)
    return (not left or (left == b" " and not value.startswith(b" ") and not value.endswith(b" "))) and value != b""


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
