"""The head of an answer as bytes.

The wire alone says how an answer is framed and what becomes of the connection, so what a backend or a policy put into
those fields is left out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from apim_sdk.headers import Headers, Pair
from apim_sdk.messages import Response, reason_phrase

__all__ = ["answer_head", "field_block", "has_no_body", "status_line"]

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


def field_block(headers: Headers) -> bytes:
    """The fields of an answer that go to the client, each line with its CRLF in front."""
    fields = headers.raw()
    if not _OWNED.isdisjoint(headers.index):
        fields = filter(_is_not_owned, fields)
    lines = b"\r\n".join(map(b": ".join, fields))
    return b"\r\n" + lines if lines else b""


def _is_not_owned(field: Pair) -> bool:
    return field[0].lower() not in _OWNED


def answer_head(response: Response, date: bytes, framing: bytes) -> bytes:
    """The whole head with the empty line; ``framing`` is lines that begin with CRLF."""
    headers = response.headers
    return b"%b%b%b%b\r\n\r\n" % (
        status_line(response.status, response.reason),
        field_block(headers),
        b"" if b"date" in headers.index else date,
        framing,
    )
