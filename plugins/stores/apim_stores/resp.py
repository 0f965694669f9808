"""RESP2, the protocol of Redis and Valkey: commands to bytes, and bytes to replies as they come.

    +text  status     -text  error     :7  number     $5 bytes of that length ($-1 nothing)     *3 replies, that many

Replies may stand in each other. What a server sends is not believed: lengths, numbers and nesting have bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

__all__ = ["Broken", "Parser", "Reply", "ReplyError", "command", "pack"]

_LONGEST_LINE: Final = 64 << 10
_LARGEST_BULK: Final = 1 << 20
_MOST_MEMBERS: Final = 1 << 20
_DEEPEST: Final = 8


class Broken(ConnectionError):
    """What came is no reply; nothing after it can be understood."""


class ReplyError(Exception):
    """The server's answer is an error; ``code`` is its first word."""

    @property
    def code(self) -> str:
        """What kind of error it is: ERR, NOSCRIPT, MOVED ..."""
        return str(self).partition(" ")[0]


Reply: TypeAlias = "int | bytes | ReplyError | list[Any] | None"


def pack(argument: bytes) -> bytes:
    """One argument."""
    return b"$%d\r\n%b\r\n" % (len(argument), argument)


def command(*arguments: bytes) -> bytes:
    """A command with its arguments."""
    return b"*%d\r\n%b" % (len(arguments), b"".join(map(pack, arguments)))


class Parser:
    """Takes bytes as they come, and gives the replies that are complete.

    A reply with members is kept on a stack until all of them are there, so that no byte is looked at twice but those
    of one line.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._bulk: int | None = None
        self._stack: list[tuple[list[Any], int]] = []

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that ``data`` completes. Raises Broken."""
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while True:
                if self._bulk is not None:
                    end = position + self._bulk
                    if len(buffer) < end + 2:
                        return
                    if buffer[end : end + 2] != b"\r\n":
                        raise Broken("the server sent more bytes than it said")
                    value: Any = bytes(buffer[position:end])
                    self._bulk = None
                    position = end + 2
                else:
                    end = buffer.find(b"\r\n", position)
                    if end < 0:
                        if len(buffer) - position > _LONGEST_LINE:
                            raise Broken("the server sent a line that is too long")
                        return
                    kind, text = buffer[position], bytes(buffer[position + 1 : end])
                    position = end + 2
                    if kind == 58:  # ":", as most lines are
                        value = _number(text)
                    else:
                        value = self._begun(kind, text)
                        if value is _MORE:
                            continue
                yield from self._completed(value)
        finally:
            del buffer[:position]

    def _begun(self, kind: int, text: bytes) -> Any:
        """The reply of a line that is no number; _MORE where more belongs to it."""
        if kind == 43:  # "+"
            return text
        if kind == 45:  # "-"
            return ReplyError(text.decode("utf-8", "replace"))
        length = _number(text)
        if kind == 36:  # "$"
            if length == -1:
                return None
            if not 0 <= length <= _LARGEST_BULK:
                raise Broken(f"the server announced {length} bytes, which is too much")
            self._bulk = length
            return _MORE
        if kind == 42:  # "*"
            if length == -1:
                return None
            if not 0 <= length <= _MOST_MEMBERS or len(self._stack) >= _DEEPEST:
                raise Broken(f"the server announced {length} members, which is too much")
            if length == 0:
                return []
            self._stack.append(([], length))
            return _MORE
        raise Broken(f"the server sent what begins with {bytes([kind])!r}, which is no reply")

    def _completed(self, value: Any) -> Iterator[Reply]:
        """The reply that a value completes, if it does."""
        stack = self._stack
        while stack:
            members, length = stack[-1]
            members.append(value)
            if len(members) < length:
                return
            stack.pop()
            value = members
        yield value


_MORE: Final = object()


def _number(text: bytes) -> int:
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if not digits.isdigit() or len(digits) > 19:
        raise Broken("the server sent what is no number")
    return int(text)


def numbers_in(reply: Any, count: int) -> Sequence[int]:
    """A reply of that many numbers. Raises Broken for any other."""
    if type(reply) is not list or len(reply) != count or any(type(each) is not int for each in reply):
        raise Broken("the server did not answer with the numbers that were asked for")
    return reply
