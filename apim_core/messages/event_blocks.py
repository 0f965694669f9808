"""Events of an event stream (WHATWG HTML, section 9.2): read out of bytes that were split anywhere, and written.

A stream is a row of blocks, each ended by an empty line. A block with a ``data`` field is an event; others (comments
that keep a connection alive, a lone ``retry``) are none and pass as they are. A line ends with CR LF, LF or CR. A CR
that is the last byte so far ends its line at once, so that nothing waits for the next byte; if that is an LF, it passes
by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from apim_sdk.streams import Message

__all__ = ["Block", "EventReader", "EventTooLarge", "event_bytes"]

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BLOCK_END: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LONGEST_END: Final = 4
_BOM: Final = b"\xef\xbb\xbf"
_ONE_LINE: Final = re.compile(r"[^\r\n]*")


class EventTooLarge(Exception):
    """A block is larger than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of the stream is larger than {limit} bytes")


class Block:
    """Bytes up to and with the empty line that ends them, and the event that they are, if they are one."""

    __slots__ = ("event", "raw")

    def __init__(self, raw: bytes, event: Message | None) -> None:
        self.raw = raw
        self.event = event


class EventReader:
    """Reads one stream; no block may be larger than ``limit`` bytes."""

    __slots__ = ("_after_return", "_held", "_limit", "_scanned", "_started")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()
        self._scanned = 0
        """Up to here no end of a block begins in what is held."""
        self._started = False
        self._after_return = False
        """Whether the block before ended with a CR that was the last byte then."""

    def read(self, data: bytes) -> Iterator[Block]:
        """The blocks that ``data`` completes; to be used up before the next call. Raises EventTooLarge."""
        held = self._held
        held += data
        start = 0
        try:
            if self._after_return and held:
                self._after_return = False
                if held[0] == 0x0A:
                    start = 1
                    yield Block(b"\n", None)
            while (end := self._end(held, start)) is not None:
                if end - start > self._limit:
                    raise EventTooLarge(self._limit)
                raw = bytes(memoryview(held)[start:end])
                self._after_return = end == len(held) and raw.endswith(b"\r")
                start = end
                yield Block(raw, self._parse(raw))
            if len(held) - start > self._limit:
                raise EventTooLarge(self._limit)
        finally:
            del held[:start]

    def rest(self) -> bytes:
        """What came behind the last whole block."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

    def _end(self, held: bytearray, start: int) -> int | None:
        """Where the block that begins at ``start`` ends; None if that has not arrived."""
        empty = _LINE_END.match(held, start)
        if empty is not None:
            self._scanned = 0
            return empty.end()
        found = _BLOCK_END.search(held, max(start, self._scanned))
        if found is None:
            self._scanned = max(len(held) - start - _LONGEST_END, 0)
            return None
        self._scanned = 0
        return found.end()

    def _parse(self, raw: bytes) -> Message | None:
        """The event of a block (section 9.2.6)."""
        if not self._started:
            self._started = True
            raw = raw.removeprefix(_BOM)
        data: list[bytes] = []
        message = Message("to_client", "event", b"")
        for line in _LINE_END.split(raw):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"event":
                message.event = value.decode(errors="replace")
            elif name == b"id" and b"\0" not in value:
                message.id = value.decode(errors="replace")
            elif name == b"retry" and value.isdigit():
                message.retry = int(value[:18])
        if not data:
            return None
        message.data = b"\n".join(data)
        return message


def event_bytes(message: Message) -> bytes:
    """A block of an event. Raises ValueError for a type or an id that is not one line."""
    lines: list[bytes] = []
    for name, value in (("event", message.event or None), ("id", message.id)):
        if value is not None:
            if _ONE_LINE.fullmatch(value) is None:
                raise ValueError(f"the {name} of an event must be one line: {value!r:.60}")
            lines.append(f"{name}: {value}".encode())
    if message.retry is not None:
        lines.append(b"retry: %d" % message.retry)
    lines += (b"data: " + line for line in _LINE_END.split(message.data))
    return b"\n".join((*lines, b"", b""))
