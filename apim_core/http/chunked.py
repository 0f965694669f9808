"""The chunked transfer coding, read strictly (RFC 9112, section 7.1).

A size is one to sixteen hexadecimal digits; lines end with CRLF; extensions are checked, bounded and ignored; trailer
fields are checked, bounded and dropped: they never become header fields. States, and what is expected in each:

    SIZE     a chunk-size line             -> DATA, or TRAILER after the chunk of size 0
    DATA     the rest of the chunk         -> END
    END      CRLF behind the chunk         -> SIZE
    TRAILER  a field line, or CRLF         -> TRAILER, or DONE
    DONE     nothing: the next request begins here
"""

from __future__ import annotations

import re
from enum import Enum, auto

from apim_sdk.errors import BAD_REQUEST, HEADERS_TOO_LARGE, Fault

__all__ = ["ChunkedDecoder"]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_VALUE = rb"(?:[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)((?:[ \t]*+;[ \t]*+" + _TOKEN + _VALUE + rb")*+)")
_FIELD_LINE = re.compile(_TOKEN + rb":[\t \x21-\x7e\x80-\xff]*+")

_NO_TRAILERS = frozenset(
    (b"authorization", b"connection", b"content-length", b"expect", b"host", b"te", b"trailer", b"transfer-encoding")
)


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkedDecoder:
    """Takes the bytes of a chunked body as they arrive and gives its content.

    ``extensions`` and ``trailers`` are the bytes of those that are borne before the body is refused.
    """

    __slots__ = ("_buffer", "_extensions", "_left", "_state", "_trailers")

    def __init__(self, extensions: int, trailers: int) -> None:
        self._extensions = extensions
        self._trailers = trailers
        self._state = _State.SIZE
        self._left = 0
        self._buffer = b""

    @property
    def done(self) -> bool:
        """Whether the body has ended."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The pieces of content in ``data``, and what stands behind the end of the body. Raises Fault."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        pieces: list[bytes] = []
        place = 0
        size = len(data)
        while place < size and self._state is not _State.DONE:
            if self._state is _State.DATA:
                end = min(size, place + self._left)
                pieces.append(data[place:end])
                self._left -= end - place
                place = end
                if self._left == 0:
                    self._state = _State.END
                continue
            end = data.find(b"\n", place)
            if end < 0:
                self._keep(data[place:])
                return pieces, b""
            line = data[place : end + 1]
            if not line.endswith(b"\r\n"):
                raise Fault(BAD_REQUEST, "A line of the chunked body does not end with CRLF")
            self._take_line(line[:-2])
            place = end + 1
        return pieces, data[place:]

    def _keep(self, rest: bytes) -> None:
        """Hold an unfinished line, unless it can already be seen to be wrong or too long."""
        if self._state is _State.END and rest != b"\r":
            raise Fault(BAD_REQUEST, "A chunk is longer than its size")
        if self._state is _State.SIZE and len(rest) > self._extensions + 18:
            raise Fault(BAD_REQUEST, "The chunk extensions are too long")
        if self._state is _State.TRAILER and len(rest) > self._trailers + 1:
            raise Fault(HEADERS_TOO_LARGE, "The trailer fields are too long")
        if b"\r" in rest[:-1] or (self._state is _State.SIZE and rest[:1] not in _HEXADECIMAL):
            raise Fault(BAD_REQUEST, "A line of the chunked body is not valid")
        self._buffer = rest

    def _take_line(self, line: bytes) -> None:
        if self._state is _State.SIZE:
            self._take_size(line)
        elif self._state is _State.END:
            if line:
                raise Fault(BAD_REQUEST, "A chunk is longer than its size")
            self._state = _State.SIZE
        elif not line:
            self._state = _State.DONE
        else:
            self._trailers -= len(line) + 2
            if self._trailers < 0:
                raise Fault(HEADERS_TOO_LARGE, "The trailer fields are too long")
            if _FIELD_LINE.fullmatch(line) is None:
                raise Fault(BAD_REQUEST, "A trailer field is not valid")
            if line.partition(b":")[0].lower() in _NO_TRAILERS:
                raise Fault(BAD_REQUEST, "A field that frames or routes the request stands in its trailer")

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise Fault(BAD_REQUEST, "A chunk size is not hexadecimal digits with valid extensions")
        self._extensions -= len(match[2])
        if self._extensions < 0:
            raise Fault(BAD_REQUEST, "The chunk extensions are too long")
        self._left = int(match[1], 16)
        self._state = _State.DATA if self._left else _State.TRAILER


_HEXADECIMAL = tuple(bytes((digit,)) for digit in b"0123456789ABCDEFabcdef")
