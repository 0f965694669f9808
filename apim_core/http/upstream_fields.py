"""What a field of an answer means to the wire itself, found by its name while the head is read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "CONNECTION",
    "CONTENT_LENGTH",
    "HOP_BY_HOP",
    "KEEP_ALIVE",
    "ORDINARY",
    "OTHER_HOP",
    "TRANSFER_ENCODING",
    "UPGRADE",
    "FieldKinds",
    "listed",
]

ORDINARY, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, KEEP_ALIVE, UPGRADE, OTHER_HOP = range(7)

_KINDS: Mapping[bytes, int] = MappingProxyType(
    {
        b"content-length": CONTENT_LENGTH,
        b"transfer-encoding": TRANSFER_ENCODING,
        b"connection": CONNECTION,
        b"keep-alive": KEEP_ALIVE,
        b"upgrade": UPGRADE,
        b"proxy-authenticate": OTHER_HOP,
        b"proxy-authorization": OTHER_HOP,
        b"proxy-connection": OTHER_HOP,
        b"te": OTHER_HOP,
        b"trailer": OTHER_HOP,
    }
)

HOP_BY_HOP = frozenset(_KINDS) - {b"content-length"}
"""Fields that concern one connection only (RFC 9110, section 7.6.1, and those that came before it)."""

_KEPT = frozenset((b"cache-control", b"content-length", b"content-type", b"host", b"set-cookie"))
"""Fields that are end-to-end even if Connection lists them: to drop them would change the message."""


class FieldKinds(dict[bytes, int]):
    """The kind of a field by its name as it was spelled; remembers up to ``bound`` spellings."""

    def __init__(self, bound: int = 1024) -> None:
        super().__init__()
        self._bound = bound

    def __missing__(self, name: bytes) -> int:
        kind = _KINDS.get(name.lower(), ORDINARY)
        if len(self) < self._bound:
            self[name] = kind
        return kind


def listed(connection: bytes) -> frozenset[bytes]:
    """The field names that a value of Connection lists, in lower case, without those that must stay."""
    return frozenset(token.strip(b" \t").lower() for token in connection.split(b",")) - _KEPT
