"""One object for each key, and not too many of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["Keyed"]

T = TypeVar("T")


class Keyed(Generic[T]):
    """At most ``size`` objects by key, each made by ``make`` when it is first asked for.

    Past that the one that was asked for longest ago is forgotten, of which ``forgot`` is told. Belongs to one event
    loop.
    """

    __slots__ = ("__weakref__", "_forgot", "_make", "_size", "_values")

    def __init__(self, make: Callable[[Hashable], T], size: int, forgot: Callable[[], None]) -> None:
        self._make = make
        self._size = size
        self._forgot = forgot
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        return iter(self._values.values())

    def get(self, key: Hashable) -> T:
        """The object of a key."""
        values = self._values
        value = values.get(key)
        if value is None:
            value = values[key] = self._make(key)
            if len(values) > self._size:
                values.popitem(last=False)
                self._forgot()
        elif len(values) > 1:
            values.move_to_end(key)
        return value
