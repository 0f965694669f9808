"""Frames of a WebSocket (RFC 6455, section 5): read strictly out of bytes that were split anywhere, and written.

    bytes -> frames (``FrameReader.frames``) -> messages and control frames (``FrameReader.read``)

Nothing of a frame that is too large or wrong is waited for: its first bytes tell. No extension is negotiated (the offer
is taken out of the handshake), so the reserved bits must be 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import urandom
from typing import Final, Literal

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "PING", "PONG", "TEXT", "Frame", "FrameReader", "ProtocolError", "frame"]

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

PROTOCOL_ERROR: Final = 1002
INVALID_PAYLOAD: Final = 1007
TOO_BIG: Final = 1009

_FINAL: Final = 0x80
_RESERVED: Final = 0x70
_OPCODE: Final = 0x0F
_CONTROL: Final = 0x08
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_KNOWN: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_LONGEST_CONTROL: Final = 125


class ProtocolError(Exception):
    """The peer broke the protocol; ``code`` is what to close with (RFC 6455, section 7.4.1)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Frame:
    """A control frame, or a whole message put together from its fragments (then ``final`` holds).

    ``raw`` are the bytes that it came as, mask included; None for a message that came in several frames.
    """

    __slots__ = ("final", "opcode", "payload", "raw")

    def __init__(self, final: bool, opcode: int, payload: bytes, raw: bytes | None) -> None:
        self.final = final
        self.opcode = opcode
        self.payload = payload
        self.raw = raw


class FrameReader:
    """Reads what one side sends. ``sender`` is who: a client masks its frames, a server must not (section 5.1).

    No message, fragmented or not, may be larger than ``limit`` bytes; a fragment counts for one byte at least.
    """

    __slots__ = ("_fragments", "_held", "_limit", "_mask", "_opcode", "_size")

    def __init__(self, sender: Literal["client", "server"], limit: int) -> None:
        self._mask = _MASKED if sender == "client" else 0
        self._limit = limit
        self._held = bytearray()
        self._opcode = CONTINUATION
        """Of the message whose fragments are being collected; CONTINUATION where there is none."""
        self._fragments: list[bytes] = []
        self._size = 0

    def read(self, data: bytes) -> Iterator[Frame]:
        """The control frames and whole messages that ``data`` completes; to be used up before the next call.

        Raises ProtocolError, after what was whole before the error.
        """
        for each in self.frames(data):
            if each.opcode & _CONTROL:
                if each.opcode == CLOSE:
                    _check_close(each.payload)
                yield each
            elif (message := self._put_together(each)) is not None:
                if message.opcode == TEXT and not _is_utf8(message.payload):
                    raise ProtocolError(INVALID_PAYLOAD, "a text message is not UTF-8")
                yield message

    def frames(self, data: bytes) -> Iterator[Frame]:
        """The frames that ``data`` completes, one by one. Raises ProtocolError."""
        held = self._held
        held += data
        start = 0
        try:
            while (header := self._header(held, start)) is not None:
                opcode, body, length = header
                end = body + length
                if end > len(held):
                    return
                raw = bytes(memoryview(held)[start:end])
                payload = raw[body - start :]
                if self._mask:
                    payload = masked(payload, raw[body - start - 4 : body - start])
                final = bool(raw[0] & _FINAL)
                start = end
                yield Frame(final, opcode, payload, raw)
        finally:
            del held[:start]

    def _header(self, held: bytearray, start: int) -> tuple[int, int, int] | None:
        """Opcode, where the payload begins, and its length; None if more bytes are needed to tell."""
        if len(held) - start < 2:
            return None
        first, second = held[start], held[start + 1]
        opcode = first & _OPCODE
        if first & _RESERVED:
            raise ProtocolError(PROTOCOL_ERROR, "a reserved bit is set, and no extension was agreed on")
        if opcode not in _KNOWN:
            raise ProtocolError(PROTOCOL_ERROR, f"there is no opcode {opcode}")
        if second & _MASKED != self._mask:
            wrong = "a frame of the client is not masked" if self._mask else "a frame of the server is masked"
            raise ProtocolError(PROTOCOL_ERROR, wrong)
        length = second & _LENGTH
        if opcode & _CONTROL:
            if not first & _FINAL:
                raise ProtocolError(PROTOCOL_ERROR, "a control frame is fragmented")
            if length > _LONGEST_CONTROL:
                raise ProtocolError(PROTOCOL_ERROR, "a control frame has more than 125 bytes")
        elif (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            wrong = "nothing is there to continue" if opcode == CONTINUATION else "a message begins within another"
            raise ProtocolError(PROTOCOL_ERROR, wrong)
        at = start + 2
        if length > _LONGEST_CONTROL:
            size = 2 if length == 126 else 8
            if len(held) - at < size:
                return None
            length = int.from_bytes(held[at : at + size])
            if length < (126 if size == 2 else 65_536) or length >> 63:
                raise ProtocolError(PROTOCOL_ERROR, "a length is not written in its one form")
            at += size
        if not opcode & _CONTROL and length + self._size > self._limit:
            raise ProtocolError(TOO_BIG, f"a message is larger than {self._limit} bytes")
        return opcode, at + (4 if self._mask else 0), length

    def _put_together(self, each: Frame) -> Frame | None:
        """The message that a data frame completes, if it does."""
        if each.final and each.opcode != CONTINUATION:
            return each
        if each.opcode != CONTINUATION:
            self._opcode = each.opcode
        self._size += max(len(each.payload), 1)
        self._fragments.append(each.payload)
        if not each.final:
            return None
        message = Frame(True, self._opcode, b"".join(self._fragments), None)
        self._opcode = CONTINUATION
        self._fragments.clear()
        self._size = 0
        return message


def frame(opcode: int, payload: bytes, *, mask: bool = False) -> bytes:
    """One final frame; ``mask`` for those to a server, with a fresh key (section 5.3)."""
    size = len(payload)
    bit = _MASKED if mask else 0
    if size <= _LONGEST_CONTROL:
        head = bytes((_FINAL | opcode, bit | size))
    elif size < 65_536:
        head = bytes((_FINAL | opcode, bit | 126)) + size.to_bytes(2)
    else:
        head = bytes((_FINAL | opcode, bit | 127)) + size.to_bytes(8)
    if not mask:
        return head + payload
    key = urandom(4)
    return head + key + masked(payload, key)


def masked(payload: bytes, key: bytes) -> bytes:
    """The payload with a mask put on or taken off (section 5.3)."""
    size = len(payload)
    stretched = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(size)


def _check_close(payload: bytes) -> None:
    """Raise ProtocolError where a closing frame has no valid code and reason (sections 5.5.1, 7.4)."""
    if not payload:
        return
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or not ((1000 <= code <= 1014 and not 1004 <= code <= 1006) or 3000 <= code <= 4999):
        raise ProtocolError(PROTOCOL_ERROR, "a closing frame has no valid code")
    if not _is_utf8(payload[2:]):
        raise ProtocolError(INVALID_PAYLOAD, "the reason of a closing frame is not UTF-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
