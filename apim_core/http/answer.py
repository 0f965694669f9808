"""The head of an answer as bytes.

The wire alone says how an answer is framed and what becomes of the connection, so what a backend or a policy put into
those fields is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from apim_sdk.headers import Headers, Pair, PreparedHeaders
from apim_sdk.messages import Response, reason_phrase

__all__ = ["answer_bytes", "field_lines", "has_no_body", "length_field", "status_line"]

_OWNED = frozenset(
    (
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_FIELD = b": ".join
_REASON = re.compile(r"[\t \x21-\x7e\x80-\xff]*")


@lru_cache(maxsize=512)
def status_line(status: int, reason: str | None) -> bytes:
    """``HTTP/1.1 200 OK``. Raises ValueError for a status outside 100 to 999 or a reason that is not one line."""
    if not 100 <= status <= 999:
        raise ValueError(f"{status} is not a status: it must have three digits")
    if reason is None:
        reason = reason_phrase(status)
    if _REASON.fullmatch(reason) is None:
        raise ValueError("a reason phrase must be one line of ISO-8859-1 text")
    return f"HTTP/1.1 {status} {reason}".encode("latin-1")


def has_no_body(status: int, method: str) -> bool:
    """Whether an answer ends with its head, whatever its fields say (RFC 9112, section 6.3)."""
    return method == "HEAD" or status == 204 or status == 304 or status < 200  # quicker than a tuple


@lru_cache(maxsize=4096)
def length_field(size: int) -> bytes:
    """The Content-Length field of an answer."""
    return b"Content-Length: %d" % size


def field_lines(headers: Headers) -> Iterable[bytes]:
    """The fields of an answer that go to the client, one line each."""
    fields = headers.raw()
    if not _OWNED.isdisjoint(headers.index):
        fields = filter(_is_not_owned, fields)
    return map(_FIELD, fields)


def _is_not_owned(field: Pair) -> bool:
    return field[0].lower() not in _OWNED


def answer_bytes(response: Response, date: bytes, framing: Iterable[bytes], data: bytes = b"") -> bytes:
    """The whole head with the empty line, and ``data`` behind it; ``framing`` is more field lines."""
    headers = response.headers
    index = headers._index or headers.index  # to ask a property costs a call
    origin = headers._origin
    if origin.__class__ is PreparedHeaders:
        prepared: PreparedHeaders = origin
        wire = prepared.wire
        if wire is None:
            wire = prepared.wire = b"\r\n".join(field_lines(headers))
        if wire and b"date" in index:
            return b"\r\n".join((status_line(response.status, response.reason), wire, *framing, b"", data))
    items = headers._items
    if not _OWNED.isdisjoint(index):
        items = items.copy()
        for name in _OWNED.intersection(index):
            for place in index[name]:
                items[place] = None
    lines = [status_line(response.status, response.reason), *map(_FIELD, filter(None, items))]
    if b"date" not in index:
        lines.append(date)
    lines += framing
    lines.append(b"")
    lines.append(data)
    return b"\r\n".join(lines)
