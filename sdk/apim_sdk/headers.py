"""Header fields: names compare without case, while order, case and duplicates stay as they were on the wire.

Fields are held as pairs of bytes, as they arrived; an index from the lower-case name to the places of its
fields is made once, when it is first needed. Text in and out is ISO-8859-1 (RFC 9110, section 5.5); a value
that does not fit is encoded as UTF-8, which HTTP treats as opaque bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Self, overload

__all__ = ["HeaderEdit", "HeaderField", "Headers", "PreparedHeaders"]

Pair = tuple[bytes, bytes]
HeaderEdit = tuple[bytes, Pair | None]
"""A change of headers: the name of a field in lower case, and the field (name and value) that is set, as
``HeaderField.pair`` has it; None where all of that name are removed."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@lru_cache(maxsize=4096)
def encode_name(name: str) -> Pair:
    """The name as it goes on the wire, and in lower case. Raises ValueError if it is no token (RFC 9110, 5.6.2)."""
    try:
        wire = name.encode("ascii")
    except UnicodeEncodeError:
        wire = b""
    if _TOKEN.fullmatch(wire) is None:
        raise ValueError(f"{name!r} is not a header name: letters, digits and !#$%&'*+-.^_`|~ only")
    return wire, wire.lower()


def encode_value(value: str) -> bytes:
    """The value as it goes on the wire. Raises ValueError on line breaks and other control characters."""
    try:
        wire = value.encode("latin-1")
    except UnicodeEncodeError:
        wire = value.encode("utf-8")
    if _FORBIDDEN.search(wire) is not None:
        raise ValueError("a header value must not hold line breaks or control characters")
    return wire.strip(b" \t")


class HeaderField:
    """A field whose name and value are encoded once, for one that is put on many messages.

    Raises ValueError as ``Headers.set`` does.
    """

    __slots__ = ("lower_name", "pair")

    def __init__(self, name: str, value: str) -> None:
        wire, self.lower_name = encode_name(name)
        self.pair = (wire, encode_value(value))

    def __repr__(self) -> str:
        return f"<HeaderField {self.pair[0].decode('latin-1')}>"


def _index_duplicates(items: list[Pair | None]) -> dict[bytes, list[int]]:
    """The index of fields some of which have the same name, or were removed."""
    index: dict[bytes, list[int]] = {}
    for place, item in enumerate(items):
        if item is not None:
            name = item[0].lower()
            index[name] = [*index.get(name, ()), place]
    return index


class Headers:
    """A multi-map of header fields.

    ``headers["X-Tier"]`` is the first value; ``get_all`` gives every one; ``set`` replaces all of a name in the
    place of the first; ``add`` appends. Mutated by the policies of one exchange only, one after the other.
    """

    __slots__ = ("_index", "_items", "_origin")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._origin: object = None
        self._items: list[Pair | None] = [(encode_name(name)[0], encode_value(value)) for name, value in items]
        self._index: dict[bytes, list[int]] | None = None

    @classmethod
    def from_raw(cls, items: list[Pair]) -> Self:
        """Take over pairs that a parser has already checked; the list then belongs to the headers."""
        headers = cls.__new__(cls)
        headers._items = items  # type: ignore[assignment]  # a list of pairs is one without removed places
        headers._index = None
        headers._origin = None
        return headers

    def share(self) -> Headers:
        """Headers with the same fields, which are copied when they are first changed; this must not change again."""
        headers = Headers.__new__(Headers)
        headers._items = self._items
        headers._index = self._index or self.index
        headers._origin = self
        return headers

    @classmethod
    def indexed(cls, items: list[Pair], index: dict[bytes, list[int]], origin: object) -> Headers:
        """``from_raw`` with an index that others use as well: it is copied when the fields are first changed."""
        headers = cls.__new__(cls)
        headers._items = items  # type: ignore[assignment]  # as above
        headers._index = index
        headers._origin = origin
        return headers

    @property
    def origin(self) -> object:
        """What the fields, or their index, were taken from; None once they have been changed."""
        return self._origin

    def _own(self) -> dict[bytes, list[int]]:
        """The index of fields that are about to change, so that they must be nobody else's."""
        index = self.index
        if self._origin is not None:
            self._origin = None
            self._items = self._items.copy()
            self._index = index = index.copy()
        return index

    @property
    def index(self) -> dict[bytes, list[int]]:
        """Places of each field by its lower-case name; for the wire, which must not change it."""
        index = self._index
        if index is None:
            items = self._items
            index = {}
            place = 0
            try:
                for name, _ in items:  # type: ignore[misc]  # a removed place is a TypeError
                    index[name.lower()] = [place]
                    place += 1
            except TypeError:
                place = -1
            if len(index) != place:
                index = _index_duplicates(items)
            self._index = index
        return index

    def raw(self) -> Iterator[Pair]:
        """The fields in order, as bytes."""
        return filter(None, self._items)

    def first(self, lower_name: bytes) -> bytes | None:
        """The first value of a name that is already bytes in lower case: the quick way for the wire."""
        places = self.index.get(lower_name)
        return self._items[places[0]][1] if places else None  # type: ignore[index]  # indexed places are filled

    def values_of(self, lower_name: bytes) -> list[bytes]:
        """Every value of a name that is already bytes in lower case, in order."""
        places = self.index.get(lower_name)
        return [self._items[place][1] for place in places] if places else []  # type: ignore[index]  # as above

    def combined(self, lower_name: bytes) -> bytes | None:
        """All values of a name as one list (RFC 9110, section 5.3); the name is bytes in lower case already."""
        places = self.index.get(lower_name)
        if places is None:
            return None
        items = self._items
        if len(places) == 1:
            return items[places[0]][1]  # type: ignore[index]  # indexed places are filled
        return b", ".join(items[place][1] for place in places)  # type: ignore[index]  # as above

    def discard(self, lower_name: bytes) -> None:
        """Remove a name that is already bytes in lower case."""
        if lower_name in self.index:
            for place in self._own().pop(lower_name):
                self._items[place] = None

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of ``name``, or ``default``."""
        value = self.first(encode_name(name)[1])
        return default if value is None else value.decode("latin-1")

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of ``name``, in order."""
        places = self.index.get(encode_name(name)[1], ())
        return tuple(self._items[place][1].decode("latin-1") for place in places)  # type: ignore[index]  # as above

    def set(self, name: str, value: str) -> None:
        """Make ``value`` the only value of ``name``, in the place of its first field."""
        wire, lower = encode_name(name)
        self._put(lower, (wire, encode_value(value)))

    def add(self, name: str, value: str) -> None:
        """Append a field, beside those of the same name."""
        wire, lower = encode_name(name)
        self._append(lower, (wire, encode_value(value)))

    def put(self, field: HeaderField) -> None:
        """``set`` with a field that is encoded already."""
        index = self._index
        if index is None or self._origin is not None:
            index = self._own()
        places = index.get(field.lower_name)
        if places is None:
            items = self._items
            index[field.lower_name] = [len(items)]
            items.append(field.pair)
        elif len(places) == 1:
            self._items[places[0]] = field.pair
        else:
            self._put(field.lower_name, field.pair)

    def edit(self, edits: tuple[HeaderEdit, ...]) -> None:
        """Make several changes in turn: for the core, which knows them when it compiles."""
        origin = self._origin
        if isinstance(origin, PreparedHeaders):
            edited = self._origin = origin.edited(edits)
            self._items = edited._items
            self._index = edited.index
            return
        index = self._own()
        items = self._items
        for lower_name, pair in edits:
            places = index.get(lower_name)
            if pair is None:
                if places is not None:
                    del index[lower_name]
                    for place in places:
                        items[place] = None
            elif places is None:
                index[lower_name] = [len(items)]
                items.append(pair)
            else:
                self._put(lower_name, pair)

    def append(self, field: HeaderField) -> None:
        """``add`` with a field that is encoded already."""
        self._append(field.lower_name, field.pair)

    def _put(self, lower: bytes, pair: Pair) -> None:
        index = self._own()
        items = self._items
        places = index.get(lower)
        if places is None:
            index[lower] = [len(items)]
            items.append(pair)
            return
        items[places[0]] = pair
        if len(places) > 1:
            for place in places[1:]:
                items[place] = None
            index[lower] = places[:1]

    def _append(self, lower: bytes, pair: Pair) -> None:
        index = self._own()
        index[lower] = [*index.get(lower, ()), len(self._items)]  # not appended: copies share the list
        self._items.append(pair)

    def remove(self, name: str) -> None:
        """Remove every field of ``name``, if there is one."""
        self.discard(encode_name(name)[1])

    def copy(self) -> Headers:
        """Headers of their own with the same fields."""
        headers = Headers.__new__(Headers)
        headers._items = self._items.copy()
        index = self._index
        headers._index = None if index is None else index.copy()
        headers._origin = None
        return headers

    def items(self) -> Iterator[tuple[str, str]]:
        """The fields in order, as text."""
        return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw())

    __setitem__ = set
    __delitem__ = remove

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and encode_name(name)[1] in self.index

    def __iter__(self) -> Iterator[str]:
        """Each name once, in lower case."""
        return (name.decode("latin-1") for name in self.index)

    def __len__(self) -> int:
        """How many fields there are, duplicates counted."""
        return sum(map(len, self.index.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(n.lower(), v) for n, v in self.raw()] == [(n.lower(), v) for n, v in other.raw()]

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        names = ", ".join(name.decode("latin-1") for name, _ in self.raw())
        return f"<Headers {names}>"


class PreparedHeaders(Headers):
    """Headers that many messages are given by ``share``: the wire writes them once, and remembers what it wrote.

    So are the last changes that were made of them in one go, as mostly the same are made of all these messages. They
    must not change once they have been shared.
    """

    __slots__ = ("_edited", "_edits", "wire")
    wire: bytes | None
    """The fields as lines, without what only the wire says; it fills them in."""
    _edits: tuple[HeaderEdit, ...] | None
    _edited: Self

    @classmethod
    def of(cls, headers: Headers) -> Self:
        """The same fields, to be prepared."""
        prepared = cls.from_raw(list(headers.raw()))
        prepared.wire = None
        prepared._edits = None
        return prepared

    def edited(self, edits: tuple[HeaderEdit, ...]) -> Self:
        """The same fields with these changes, prepared as well."""
        if self._edits is not edits:
            edited = self.of(self)
            edited.edit(edits)
            self._edits, self._edited = edits, edited
        return self._edited
