"""The few messages of LDAP (RFC 4511) that are spoken here, in BER (section 5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

__all__ = [
    "BIND_RESPONSE",
    "ENTRY",
    "EXTENDED_RESPONSE",
    "REFERENCE",
    "SEARCH_DONE",
    "Entry",
    "InvalidMessage",
    "Result",
    "bind",
    "elements",
    "entry_of",
    "message",
    "octets",
    "result_of",
    "search",
    "start_tls",
    "tlv",
]

BIND_RESPONSE: Final = 0x61
ENTRY: Final = 0x64
SEARCH_DONE: Final = 0x65
REFERENCE: Final = 0x73
EXTENDED_RESPONSE: Final = 0x78

_INTEGER, _OCTETS, _BOOLEAN, _ENUMERATED, _SEQUENCE = 0x02, 0x04, 0x01, 0x0A, 0x30
_WHOLE_TREE: Final = 2
_START_TLS: Final = b"1.3.6.1.4.1.1466.20037"


class InvalidMessage(ConnectionError):
    """The server sent something else than LDAP."""


@attrs.frozen
class Result:
    """How an operation ended (section 4.1.9); code 0 is success."""

    code: int
    message: str


@attrs.frozen
class Entry:
    """An entry that a search has found: attributes by name in lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]] = attrs.field(hash=False)


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length and content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def octets(value: str | bytes, tag: int = _OCTETS) -> bytes:
    """A string of bytes; text in UTF-8."""
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def _number(value: int, tag: int = _INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def message(number: int, operation: bytes) -> bytes:
    """An operation with the number that answers to it bear (section 4.1.1)."""
    return tlv(_SEQUENCE, _number(number) + operation)


def bind(dn: str, password: str) -> bytes:
    """A simple bind (section 4.2)."""
    return tlv(0x60, _number(3) + octets(dn) + octets(password, 0x80))


def start_tls() -> bytes:
    """The request to go on in TLS (section 4.14)."""
    return tlv(0x77, octets(_START_TLS, 0x80))


def search(base: str, wanted: bytes, attribute: str, most: int, seconds: int) -> bytes:
    """A search of a whole tree (section 4.5) for at most so many entries; ``wanted`` is the filter, encoded."""
    bounds = _number(_WHOLE_TREE, _ENUMERATED) + _number(0, _ENUMERATED) + _number(most) + _number(seconds)
    attributes = tlv(_SEQUENCE, octets(attribute))
    return tlv(0x63, octets(base) + bounds + tlv(_BOOLEAN, b"\x00") + wanted + attributes)


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in a row. Raises InvalidMessage."""
    place = 0
    while place < len(data):
        if len(data) - place < 2:
            raise InvalidMessage("an element has no length")
        tag, size = data[place], data[place + 1]
        place += 2
        if size >= 0x80:
            count = size & 0x7F
            if not 0 < count <= 4 or len(data) - place < count:
                raise InvalidMessage("an element has a length that cannot be read")
            size = int.from_bytes(data[place : place + count], "big")
            place += count
        if size > len(data) - place:
            raise InvalidMessage("an element is longer than what holds it")
        yield tag, data[place : place + size]
        place += size


def result_of(content: bytes) -> Result:
    """How an operation ended, out of the response. Raises InvalidMessage."""
    parts = list(elements(content))
    if len(parts) < 3 or parts[0][0] != _ENUMERATED:
        raise InvalidMessage("a response has no result")
    return Result(int.from_bytes(parts[0][1], "big"), parts[2][1].decode("utf-8", "replace"))


def entry_of(content: bytes) -> Entry:
    """The entry in a result of a search. Raises InvalidMessage."""
    parts = list(elements(content))
    if len(parts) != 2:
        raise InvalidMessage("an entry has no attributes")
    attributes: dict[str, tuple[str, ...]] = {}
    for _, attribute in elements(parts[1][1]):
        pair = list(elements(attribute))
        if len(pair) != 2:
            raise InvalidMessage("an attribute has no values")
        values = tuple(value.decode("utf-8", "replace") for _, value in elements(pair[1][1]))
        attributes[pair[0][1].decode("utf-8", "replace").lower()] = values
    return Entry(parts[0][1].decode("utf-8", "replace"), attributes)
