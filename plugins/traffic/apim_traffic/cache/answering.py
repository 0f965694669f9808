"""What is answered out of an entry: all of it, a part, or that the client has it already (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from typing import Final

from apim_sdk import Headers, Request, Response

from apim_traffic.cache.dates import parse_date
from apim_traffic.cache.entry import Entry
from apim_traffic.cache.wishes import Wish

__all__ = ["answer_of", "freshened"]

_ENTITY_TAG: Final = re.compile(rb'(?:W/)?"[^"]*"')
_RANGE: Final = re.compile(rb"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)
_OF_THE_CONTENT: Final = (
    b"content-encoding",
    b"content-language",
    b"content-length",
    b"content-range",
    b"content-type",
)
_NOT_UPDATED: Final = frozenset((b"content-encoding", b"content-length", b"content-range"))
"""Fields of the stored content, which an answer without content cannot change (RFC 9111, section 3.2)."""


def answer_of(entry: Entry, request: Request, wish: Wish, now: float) -> Response:
    """The answer to a request that the entry is for."""
    if entry.status == 200:
        if wish.conditional and _client_has(entry, request.headers):
            headers = entry.fields(now)
            for name in _OF_THE_CONTENT:
                headers.discard(name)
            return Response(304, headers)
        if wish.ranged and request.method == "GET":
            part = _part_of(entry, request.headers, now)
            if part is not None:
                return part
    return entry.answer(now)


def _client_has(entry: Entry, headers: Headers) -> bool:
    """Whether the conditions of the request say that the client has what is stored (RFC 9110, section 13.2.2)."""
    asked = headers.combined(b"if-none-match")
    if asked is not None:
        stored = entry.headers.first(b"etag")
        if asked.strip() == b"*":
            return True
        if stored is None:
            return False
        tags = _ENTITY_TAG.findall(asked) or [asked]
        return _opaque(stored) in [_opaque(tag) for tag in tags]
    since = parse_date(headers.first(b"if-modified-since") or b"")
    modified = parse_date(entry.headers.first(b"last-modified") or entry.headers.first(b"date") or b"")
    return since is not None and modified is not None and modified <= since


def _opaque(tag: bytes) -> bytes:
    """What weak comparison looks at (RFC 9110, section 8.8.3.2)."""
    return tag.removeprefix(b"W/")


def _part_of(entry: Entry, headers: Headers, now: float) -> Response | None:
    """The one range that is asked for; None where all is to be sent, as it is where several are asked for."""
    condition = headers.first(b"if-range")
    if condition is not None and not _still(entry, condition):
        return None
    found = _RANGE.fullmatch(headers.combined(b"range") or b"")
    if found is None or not (found[1] or found[2]):
        return None
    size = len(entry.body)
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
    else:
        first, last = max(0, size - int(found[2])), size - 1
    fields = entry.fields(now)
    fields.discard(b"content-length")
    if first > last:
        fields.set("Content-Range", f"bytes */{size}")
        return Response(416, fields)
    fields.set("Content-Range", f"bytes {first}-{last}/{size}")
    return Response(206, fields, entry.body[first : last + 1])


def _still(entry: Entry, condition: bytes) -> bool:
    """Whether If-Range names what is stored: by a strong tag, or the very date (RFC 9110, section 13.1.5)."""
    if condition.endswith(b'"'):
        return not condition.startswith(b"W/") and condition == entry.headers.first(b"etag")
    return condition == entry.headers.first(b"last-modified")


def freshened(entry: Entry, headers: Headers) -> Headers:
    """The fields of an entry, updated by those of an answer without content (RFC 9111, section 3.2)."""
    fields = entry.headers.copy()
    fields.discard(b"age")
    lower = {name.lower() for name, _ in headers.raw()} - _NOT_UPDATED
    for name in lower:
        fields.discard(name)
    for name, value in headers.raw():
        if name.lower() in lower:
            fields.add(name.decode("latin-1"), value.decode("latin-1"))
    return fields
