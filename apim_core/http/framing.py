"""Where a request ends, and what happens to its connection: decided once, from the head alone.

Anything that two parties could read differently is refused with 400 (RFC 9112, sections 6.1 to 6.3): both
Content-Length and Transfer-Encoding, more than one of either, a length that is not ASCII digits, a transfer coding
other than exactly ``chunked``, Transfer-Encoding in HTTP/1.0.
"""

from __future__ import annotations

import re
from functools import lru_cache

import attrs
from apim_sdk.errors import BAD_REQUEST, EXPECTATION_FAILED, NOT_IMPLEMENTED, Fault
from apim_sdk.headers import Headers

__all__ = ["FRAMING_FIELDS", "PLAIN", "PLAIN_CLOSE", "Framing", "connection_options", "framing_of"]


@attrs.frozen
class Framing:
    """How one request is framed on its connection."""

    length: int | None = 0
    """Bytes of the body; None: it is chunked."""
    keep_alive: bool = True
    """Whether the client wants to send more requests."""
    expects_continue: bool = False
    """Whether it waits for 100 Continue before it sends the body."""
    upgrade: bytes | None = None
    """The one protocol that it asks to change to, in lower case."""
    takes_trailers: bool = False
    """Whether it understands trailer fields behind the answer."""
    version_10: bool = False
    """Whether it speaks HTTP/1.0: no chunks and no 1xx for it."""


PLAIN = Framing()
"""No body, HTTP/1.1: what most requests are."""
PLAIN_CLOSE = Framing(keep_alive=False, version_10=True)
"""No body, HTTP/1.0 and no wish to keep the connection."""

FRAMING_FIELDS = frozenset((b"connection", b"content-length", b"expect", b"te", b"transfer-encoding", b"upgrade"))
"""The fields that ``framing_of`` looks at: without one of them a request is plain."""


_CODINGS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9a-z]++[ \t]*+,[ \t]*+)++chunked")
_COMPLICATED = FRAMING_FIELDS - {b"connection", b"content-length", b"transfer-encoding"}
_LAST = frozenset((b"close", b"upgrade"))
"""Who asks for another protocol may send something else than requests from then on."""
_NO_OPTIONS: frozenset[bytes] = frozenset()


@lru_cache(maxsize=1024)
def _sized(length: int | None) -> Framing:
    return Framing(length=length)


@lru_cache(maxsize=256)
def _options(value: bytes) -> frozenset[bytes]:
    return frozenset(option.strip(b" \t").lower() for option in value.split(b","))


def connection_options(headers: Headers) -> frozenset[bytes]:
    """The options of all Connection fields, in lower case (RFC 9110, section 7.6.1)."""
    return _options(b",".join(headers.values_of(b"connection")))


def framing_of(headers: Headers, method: bytes, version_10: bool) -> Framing:
    """The framing that the headers of a request declare. Raises Fault."""
    index = headers.index
    length = body_length(headers, version_10) if b"content-length" in index or b"transfer-encoding" in index else 0
    options = connection_options(headers) if b"connection" in index else _NO_OPTIONS
    if not version_10 and options.isdisjoint(_LAST) and _COMPLICATED.isdisjoint(index):
        return PLAIN if length == 0 else _sized(length)
    return Framing(
        length=length,
        keep_alive=options.isdisjoint(_LAST) and (not version_10 or b"keep-alive" in options),
        expects_continue=_expects_continue(headers, version_10) and length != 0,
        upgrade=_upgrade(headers, method, options) if length == 0 and not version_10 else None,
        takes_trailers=not version_10 and any(b"trailers" in v.lower() for v in headers.values_of(b"te")),
        version_10=version_10,
    )


def body_length(headers: Headers, version_10: bool) -> int | None:
    """Bytes of the body, None if it is chunked. Raises Fault if that is ambiguous."""
    lengths = headers.values_of(b"content-length")
    codings = headers.values_of(b"transfer-encoding")
    if codings:
        if lengths:
            raise Fault(BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other")
        if version_10:
            raise Fault(BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding")
        if len(codings) > 1:
            raise Fault(BAD_REQUEST, "There is more than one Transfer-Encoding")
        coding = codings[0].lower()
        if coding == b"chunked":
            return None
        if _CODINGS.fullmatch(coding) is not None:
            raise Fault(NOT_IMPLEMENTED, "No transfer coding but chunked is understood")
        raise Fault(BAD_REQUEST, "The Transfer-Encoding is not chunked")
    if not lengths:
        return 0
    if len(lengths) > 1:
        raise Fault(BAD_REQUEST, "There is more than one Content-Length")
    digits = lengths[0]
    if not digits.isdigit() or len(digits) > 18:
        raise Fault(BAD_REQUEST, "The Content-Length is not a number of bytes")
    return int(digits)


def _expects_continue(headers: Headers, version_10: bool) -> bool:
    values = headers.values_of(b"expect")
    if not values or version_10:
        return False
    if len(values) > 1 or values[0].lower() != b"100-continue":
        raise Fault(EXPECTATION_FAILED, "No expectation but 100-continue can be met")
    return True


def _upgrade(headers: Headers, method: bytes, options: frozenset[bytes]) -> bytes | None:
    """The protocol to change to: one only, and only by GET, as WebSocket does (RFC 6455, section 4.1).

    Others are ignored, as RFC 9110, section 7.8 allows; so is ``h2c``, which would carry requests past every policy.
    """
    values = headers.values_of(b"upgrade")
    if len(values) != 1 or b"upgrade" not in options or method != b"GET":
        return None
    protocol = values[0].lower()
    return protocol if protocol == b"websocket" else None
