"""The header fields that a client sends again and again, and what was made of them the last time."""

from __future__ import annotations

from typing import Self

import attrs
from apim_sdk.headers import Headers, Pair, PreparedHeaders
from apim_sdk.identity import Client

__all__ = ["KnownBut", "KnownHeaders", "Written"]


@attrs.frozen
class Written:
    """Header fields as they go to a backend, with all that they depend on besides the fields themselves."""

    writer: object
    client: Client | None
    host: str
    scheme: str
    lines: bytes


class KnownHeaders(PreparedHeaders):
    """Fields that requests share as long as nobody changes them (``Headers.share``).

    ``written`` is how they were last written to a backend; it lives as long as the connection of the client, or until
    that sends others.
    """

    __slots__ = ("written",)
    written: Written | None

    @classmethod
    def of(cls, headers: Headers) -> Self:
        """The same fields, to be shared."""
        known = super().of(headers)
        known.written = None
        return known

    def without(self, lower_name: bytes) -> KnownHeaders:
        """The others, each in its place."""
        rest = self.of(self)
        rest.discard(lower_name)
        return rest


class KnownBut:
    """Fields that a client sends again and again but for the value of one, such as a token. Raises LookupError unless
    that one is there once."""

    __slots__ = ("_index", "_items", "_name", "_place", "lower_name", "rest")

    def __init__(self, known: KnownHeaders, lower_name: bytes) -> None:
        places = known.index.get(lower_name, ())
        if len(places) != 1:
            raise LookupError(lower_name)
        place = places[0]
        pair = known._items[place]
        assert pair is not None
        self._name = pair[0]
        self._place = place
        self._items = known._items
        self._index = known.index
        self.lower_name = lower_name
        self.rest = known.without(lower_name)

    def with_value(self, value: bytes) -> Headers:
        """All fields, that one with a new value."""
        items: list[Pair | None] = self._items.copy()
        items[self._place] = (self._name, value)
        headers = _Varied.__new__(_Varied)
        headers._items = items
        headers._index = self._index
        headers._origin = self
        return headers


class _Varied(Headers):
    """Fields of which those that are known are left when the one that is not is removed."""

    __slots__ = ()

    def discard(self, lower_name: bytes) -> None:
        known = self._origin
        if known.__class__ is KnownBut and known.lower_name == lower_name:
            rest = known.rest
            self._items = rest._items
            self._index = rest._index
            self._origin = rest
        else:
            super().discard(lower_name)
