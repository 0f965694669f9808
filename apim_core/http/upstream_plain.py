"""Recognises answers of the plainest kind, as most are, quicker than a parser that reports each of their fields.

Such an answer arrives in one piece. Its head is, to the letter, a status line and fields of ``Name: value`` (RFC 9112,
sections 4 and 5) without anything that is only tolerated; one Content-Length tells where it ends, and that is where
the piece ends; no other field concerns the connection but a Connection that keeps it, and Keep-Alive. Whatever
differs in one byte is left to ``upstream_answer``, which then reads it from the beginning: so all that is accepted
here is accepted there too, with the same outcome.

Within a second, as long as Date stays, a backend may well send the same head again and again: from the third time on,
one that equals the head before it, byte for byte, is not read anew.
"""

from __future__ import annotations

import re

import attrs
from apim_sdk.body import Body
from apim_sdk.headers import Headers, PreparedHeaders
from apim_sdk.messages import Response, reason_phrase

from apim_core.http.upstream_fields import CONNECTION, CONTENT_LENGTH, KEEP_ALIVE, ORDINARY, FieldKinds

__all__ = ["Layout", "PlainAnswers"]

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)\r\n").fullmatch
_FIELDS = re.compile(
    rb"^([!#$%&'*+\-.^_`|~0-9A-Za-z]++): (?![\t ])([\t \x21-\x7e\x80-\xff]++)(?<![\t ])\r\n", re.MULTILINE
).findall
_BODILESS = (204, 304)
_KEPT_OPEN = (b"keep-alive", b"Keep-Alive")
_MOST = 256
_LONG = 2048
"""How many layouts and status lines are remembered of one origin, and up to how many bytes of names, line or head."""
_LONGEST = 9
"""Digits of a length."""


@attrs.frozen
class Layout:
    """What the names of an answer's fields, in their order, say of it."""

    length_at: int
    connection_at: int
    keep_alive_at: int
    """Places of these fields as they arrived; -1 for none."""
    dropped: tuple[int, ...]
    """Places of the fields that go no further, the last first."""
    index: dict[bytes, list[int]]
    """Of the others, as Headers have it."""


@attrs.frozen
class _Last:
    """The head of the plain answer before, and what it meant."""

    head: bytes
    size: int
    """Of the whole answer."""
    status: int
    headers: PreparedHeaders
    reason: str | None
    keep_alive: bytes | None


_NONE = _Last(b"\n", 0, 0, PreparedHeaders.of(Headers()), None, None)
"""Before the first: no answer begins so."""


class PlainAnswers:
    """Reads the plain answers of one origin; servers send the same names and status lines again and again."""

    def __init__(self, kinds: FieldKinds, max_headers: int, max_head: int) -> None:
        self._kinds = kinds
        self._max_head = max_head
        self._max_headers = max_headers
        self._layouts: dict[tuple[bytes, ...], Layout | None] = {}
        self._statuses: dict[bytes, tuple[int, str | None]] = {}
        self._before = b""
        """The last head that was read."""
        self._last = _NONE

    def read(self, data: bytes) -> tuple[Response, bytes | None] | None:
        """The answer that ``data`` is, with the value of its Keep-Alive; None if it is not a plain one."""
        last = self._last
        if data.startswith(last.head) and len(data) == last.size:
            body = Body.arrived(data[len(last.head) :])
            return Response.arrived(last.status, last.headers.share(), body, last.reason), last.keep_alive
        begin = data.find(b"\r\n") + 2
        end = data.find(b"\r\n\r\n") + 2
        if end > self._max_head - 2 or data.find(b"chunked", begin, end) >= 0:
            return None
        status = self._statuses.get(data[:begin]) or self._read_status(data[:begin])
        if status is None:
            return None
        fields = _FIELDS(data, begin, end)
        if not fields or len(fields) != data.count(b"\n", begin, end):
            return None
        names, values = zip(*fields, strict=True)
        try:
            layout = self._layouts[names]
        except KeyError:
            layout = self._lay_out(names)
        if layout is None:
            return None
        length = values[layout.length_at]
        if not length.isdigit() or len(length) > _LONGEST or len(data) - end - 2 != int(length):
            return None
        if layout.connection_at >= 0 and values[layout.connection_at] not in _KEPT_OPEN:
            return None
        for place in layout.dropped:
            del fields[place]
        keep_alive = None if layout.keep_alive_at < 0 else values[layout.keep_alive_at]
        headers = Headers.indexed(fields, layout.index, layout)
        head = data[: end + 2]
        if head == self._before:
            self._last = _Last(head, len(data), status[0], PreparedHeaders.of(headers), status[1], keep_alive)
        elif end < _LONG:
            self._before = head
        return Response.arrived(status[0], headers, Body.arrived(data[end + 2 :]), status[1]), keep_alive

    def _read_status(self, line: bytes) -> tuple[int, str | None] | None:
        match = _STATUS_LINE(line)
        if match is None:
            return None
        status, reason = int(match[1]), match[2].decode("latin-1")
        if status in _BODILESS:
            return None
        read = (status, None if reason == reason_phrase(status) else reason)
        if len(self._statuses) < _MOST and len(line) < _LONG:
            self._statuses[line] = read
        return read

    def _lay_out(self, names: tuple[bytes, ...]) -> Layout | None:
        """What new names say; None if the answer is not a plain one, or there is no room to remember it."""
        if len(self._layouts) >= _MOST or sum(map(len, names)) > _LONG:
            return None
        kinds = [self._kinds[name] for name in names]
        special = [kind for kind in kinds if kind != ORDINARY]
        layout = None
        if (
            len(names) <= self._max_headers
            and CONTENT_LENGTH in special
            and len(special) == len({*special})
            and {CONTENT_LENGTH, CONNECTION, KEEP_ALIVE}.issuperset(special)
        ):
            dropped = tuple(place for place, kind in enumerate(kinds) if kind in (CONNECTION, KEEP_ALIVE))
            kept = Headers.from_raw([(name, b"") for place, name in enumerate(names) if place not in dropped])
            layout = Layout(
                kinds.index(CONTENT_LENGTH),
                kinds.index(CONNECTION) if CONNECTION in kinds else -1,
                kinds.index(KEEP_ALIVE) if KEEP_ALIVE in kinds else -1,
                dropped[::-1],
                kept.index,
            )
        self._layouts[names] = layout
        return layout
