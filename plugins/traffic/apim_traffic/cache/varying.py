"""Vary: which headers of a request an answer depends on, and when two requests agree (RFC 9111, section 4.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from apim_sdk import Headers

__all__ = ["Selecting", "matches", "names_of", "select"]

Selecting = tuple[tuple[bytes, bytes | None], ...]
"""Names of headers in lower case, each with its normalised value; None where the request had no such header."""

_LISTS: Final = frozenset((b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"prefer"))
"""Fields that are lists, in which white space around commas says nothing."""
_CASELESS: Final = frozenset((b"accept-charset", b"accept-encoding", b"accept-language"))


def names_of(headers: Headers) -> tuple[bytes, ...] | None:
    """The names that Vary lists, in lower case and in order; None for ``*``, which no request ever matches."""
    value = headers.combined(b"vary")
    return () if value is None else _names(value)


@lru_cache(maxsize=1024)
def _names(value: bytes) -> tuple[bytes, ...] | None:
    names = {name.strip(b" \t").lower() for name in value.split(b",")} - {b""}
    return None if b"*" in names else tuple(sorted(names))


def select(names: tuple[bytes, ...], headers: Headers) -> Selecting:
    """The values of a request for these names."""
    return tuple([(name, _value(name, headers)) for name in names])


def matches(selecting: Selecting, headers: Headers) -> bool:
    """Whether a request agrees with the one that was answered."""
    return all(_value(name, headers) == value for name, value in selecting)


def _value(name: bytes, headers: Headers) -> bytes | None:
    value = headers.combined(name)
    return value if value is None or name not in _LISTS else _normalised(name, value)


@lru_cache(maxsize=4096)
def _normalised(name: bytes, value: bytes) -> bytes:
    """The value without what says nothing; the order of members stays, since some servers read a preference from it."""
    if b'"' in value:
        return value
    members = [b";".join([part.strip(b" \t") for part in member.split(b";")]) for member in value.split(b",")]
    joined = b",".join([member for member in members if member])
    return joined.lower() if name in _CASELESS else joined
