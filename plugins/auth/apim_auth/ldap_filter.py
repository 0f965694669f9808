"""Search filters: their text (RFC 4515) as LDAP sends them (RFC 4511, section 4.5.1.7)."""

from __future__ import annotations

import re
from typing import Final

from apim_auth.ldap_messages import octets, tlv

__all__ = ["ATTRIBUTE", "InvalidFilter", "encode_filter", "escape"]

_DEEPEST: Final = 16
_SPECIAL: Final = frozenset(b"\\*()\x00")
_SETS: Final = {"&": 0xA0, "|": 0xA1, "!": 0xA2}
_COMPARED: Final = {">": 0xA5, "<": 0xA6, "~": 0xA8}
ATTRIBUTE: Final = re.compile(r"[A-Za-z0-9.-]+(;[A-Za-z0-9-]+)*")
"""The name of an attribute, with its options (RFC 4512, section 2.5)."""
_ITEM: Final = re.compile(r"\(([^=()<>~:]*)([<>~]?|(?::[A-Za-z0-9.-]+)*:)=([^()]*)\)")
_ESCAPED: Final = re.compile(rb"\\([0-9A-Fa-f]{2})|(\\)")


class InvalidFilter(ValueError):
    """The text is no search filter."""


def escape(value: str) -> str:
    """A value as it stands in a filter (RFC 4515, section 3)."""
    return "".join(chr(byte) if byte < 128 and byte not in _SPECIAL else f"\\{byte:02x}" for byte in value.encode())


def encode_filter(text: str) -> bytes:
    """A filter as it is sent. Raises InvalidFilter."""
    encoded, end = _filter(text, 0, 0)
    if end != len(text):
        raise InvalidFilter(f"{text!r} goes on behind its last parenthesis")
    return encoded


def _filter(text: str, start: int, depth: int) -> tuple[bytes, int]:
    """The filter that begins at ``start``, and where it ends."""
    if depth > _DEEPEST:
        raise InvalidFilter(f"{text!r} is nested too deeply")
    tag = _SETS.get(text[start + 1 : start + 2])
    if text[start : start + 1] != "(" or tag is None:
        return _item(text, start)
    inner: list[bytes] = []
    place = start + 2
    while text[place : place + 1] == "(":
        encoded, place = _filter(text, place, depth + 1)
        inner.append(encoded)
    if text[place : place + 1] != ")" or not inner or (tag == 0xA2 and len(inner) > 1):
        raise InvalidFilter(f"{text!r} is no search filter at {place}")
    return tlv(tag, b"".join(inner)), place + 1


def _item(text: str, start: int) -> tuple[bytes, int]:
    match = _ITEM.match(text, start)
    if match is None:
        raise InvalidFilter(f"{text!r} is no search filter at {start}: write (attribute=value)")
    name, operator, value = match.groups()
    if operator.endswith(":"):
        return _by_rule(name, operator, value), match.end()
    if ATTRIBUTE.fullmatch(name) is None:
        raise InvalidFilter(f"{name!r} is no attribute")
    if operator:
        return tlv(_COMPARED[operator], octets(name) + octets(_value(value))), match.end()
    if value == "*":
        return octets(name, 0x87), match.end()
    if "*" in value:
        return _substrings(name, value.split("*")), match.end()
    return tlv(0xA3, octets(name) + octets(_value(value))), match.end()


def _substrings(name: str, parts: list[str]) -> bytes:
    """Values that begin with, hold and end with something."""
    first, *middle, last = parts
    tagged = [(0x80, first), *((0x81, part) for part in middle), (0x82, last)]
    return tlv(0xA4, octets(name) + tlv(0x30, b"".join(octets(_value(part), tag) for tag, part in tagged if part)))


def _by_rule(name: str, operator: str, value: str) -> bytes:
    """A match by a rule that the filter names: ``member:1.2.840.113556.1.4.1941:=...``."""
    options = [option for option in operator.split(":") if option]
    rules = [option for option in options if option != "dn"]
    if len(rules) > 1 or not (name or rules):
        raise InvalidFilter(f"{name}{operator}= names no rule")
    content = octets(rules[0], 0x81) if rules else b""
    content += octets(name, 0x82) if name else b""
    content += octets(_value(value), 0x83)
    return tlv(0xA9, content + (tlv(0x84, b"\xff") if "dn" in options else b""))


def _value(text: str) -> bytes:
    """A value without its escapes."""

    def one(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise InvalidFilter(f"in {text!r} a backslash stands before something else than two digits")
        return bytes.fromhex(match[1].decode("ascii"))

    return _ESCAPED.sub(one, text.encode())
