"""A large table in parts: a dictionary that grows is copied whole, and the copy of a million keys is a stall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from apim_sdk.counting.limit import Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["LARGEST", "Shards"]

LARGEST: Final = 1 << 17
"""Keys that one table holds at most; a larger one is made of parts."""
_PART: Final = 1 << 14


class Shards(Table):
    """Tables that share the keys by their hash, each with its share of the size."""

    __slots__ = ("_mask", "_parts")

    def __init__(
        self,
        make: Callable[[Limit, Clock, int, Forgot], Table],
        limit: Limit,
        clock: Clock,
        size: int,
        forgot: Forgot,
    ) -> None:
        super().__init__(limit, clock, size, forgot)
        number = 1 << (size // _PART).bit_length() - 1
        self._mask = number - 1
        self._parts = tuple(make(limit, clock, size // number, forgot) for _ in range(number))

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def take(self, key: Key, cost: int = 1) -> float:
        return self._parts[hash(key) & self._mask].take(key, cost)

    def grant(self, key: Key, least: int, most: int) -> Grant:
        return self._parts[hash(key) & self._mask].grant(key, least, most)

    def settle(self, key: Key, units: int) -> None:
        self._parts[hash(key) & self._mask].settle(key, units)

    def standing(self, key: Key) -> Grant:
        return self._parts[hash(key) & self._mask].standing(key)

    def reset(self, key: Key) -> None:
        self._parts[hash(key) & self._mask].reset(key)

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        for part in self._parts:
            part.adopt(limit)

    def quiet(self) -> bool:
        return all(part.quiet() for part in self._parts)
