"""Keys as the bytes that databases compare."""

from __future__ import annotations

from typing import Final

__all__ = ["LONGEST", "key_bytes", "span_of"]

LONGEST: Final = 512
"""The most characters of a key."""

_PAST_ALL: Final = b"\xff"
"""Above every key, for UTF-8 has no such byte (RFC 3629, section 3)."""


def key_bytes(key: str) -> bytes:
    """A key in UTF-8, where one key begins with another exactly if its bytes do. Raises ValueError for no key."""
    if not 0 < len(key) <= LONGEST:
        raise ValueError(f"a key has 1 to {LONGEST} characters; this one has {len(key)}")
    return key.encode()


def span_of(prefix: str) -> tuple[bytes, bytes]:
    """The first key that can begin with ``prefix``, and the first after it that cannot."""
    first = prefix.encode()
    return first, (first[:-1] + bytes([first[-1] + 1]) if first else _PAST_ALL)
