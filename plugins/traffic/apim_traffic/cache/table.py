"""Answers in memory: bounded in bytes, the least recently used leave first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apim_sdk import Headers
from cachetools import LRUCache

from apim_traffic.cache.entry import Entry
from apim_traffic.cache.keys import Key, url_of
from apim_traffic.cache.varying import matches

__all__ = ["Table"]

_VARIANTS: Final = 32
"""Most answers under one key, which differ by what Vary names."""
_KEY: Final = 600
"""About how many bytes a key takes besides its texts."""

Variants = tuple[Entry, ...]


class _Sized(LRUCache[Key, Variants]):
    """Variants by key. ``left`` is told of each key that goes, whatever for."""

    def __init__(self, maxsize: int, left: Callable[[Key], None]) -> None:
        self._left = left
        super().__init__(maxsize, getsizeof=lambda variants: sum([entry.size for entry in variants]) + _KEY)

    def __delitem__(self, key: Key, *arguments: Any) -> None:
        super().__delitem__(key, *arguments)
        self._left(key)


class Table:
    """The answers of one step of the configuration. Belongs to one event loop.

    ``evicted`` is told how many keys had to go for want of room.
    """

    def __init__(self, max_size: int, evicted: Callable[[int], None]) -> None:
        self._evicted = evicted
        self._urls: dict[str, dict[Key, None]] = {}
        self._variants = _Sized(max_size, self._forget)

    @property
    def size(self) -> int:
        """Bytes that are held, about."""
        return int(self._variants.currsize)

    def __len__(self) -> int:
        return len(self._variants)

    def find(self, key: Key, headers: Headers) -> Entry | None:
        """The newest answer under the key that agrees with the request's headers; it may be stale."""
        try:
            variants = self._variants[key]  # quicker than get()
        except KeyError:
            return None
        for entry in variants:
            if not entry.selecting or matches(entry.selecting, headers):
                return entry
        return None

    def keep(self, key: Key, entry: Entry, now: float) -> bool:
        """Keep an answer in the place of those that it replaces; False where it is too large."""
        kept = [
            other
            for other in self._variants.get(key, ())
            if other.selecting != entry.selecting and other.kept_until > now
        ]
        before = len(self._variants) + (key not in self._variants)
        try:
            self._variants[key] = (entry, *kept[: _VARIANTS - 1])
        except ValueError:
            return False
        self._urls.setdefault(url_of(key), {})[key] = None
        if len(self._variants) < before:
            self._evicted(before - len(self._variants))
        return True

    def drop(self, key: Key, entry: Entry) -> None:
        """Forget one answer."""
        variants = self._variants.get(key, ())
        kept = tuple([other for other in variants if other is not entry])
        if kept:
            self._variants[key] = kept
        elif variants:
            del self._variants[key]

    def invalidate(self, url: str) -> None:
        """Forget all answers for a URL, whoever they were for."""
        for key in list(self._urls.get(url, ())):
            del self._variants[key]

    def _forget(self, key: Key) -> None:
        url = url_of(key)
        keys = self._urls.get(url)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del self._urls[url]
