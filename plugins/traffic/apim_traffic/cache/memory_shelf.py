"""Answers in the memory of one process."""

from __future__ import annotations

from collections.abc import Callable

from apim_sdk import API, Headers

from apim_traffic.cache.entry import Entry
from apim_traffic.cache.invalidations import Invalidations
from apim_traffic.cache.keys import Key
from apim_traffic.cache.marks import Marks
from apim_traffic.cache.shelf import Found, Lookup, is_good
from apim_traffic.cache.table import Table

__all__ = ["MemoryShelf"]


class MemoryShelf:
    """The answers of one step. It outlasts snapshots: the same step of the next one goes on with it.

    Belongs to one event loop; nothing here ever waits.
    """

    def __init__(self, max_size: int, marks: Marks, now: Callable[[], float], evicted: Callable[[int], None]) -> None:
        self.marks = marks
        self.table = Table(max_size, evicted)
        self._invalidations = Invalidations()
        self._now = now

    def find(self, key: Key, headers: Headers, api: API) -> Found:
        """The newest answer that agrees with the request's headers, and how many changes of URLs there have been."""
        return Found(self.entry(key, headers, api), self._invalidations.count)

    def entry(self, key: Key, headers: Headers, api: API) -> Entry | None:
        """``find`` for who needs the answer alone."""
        entry = self.table.find(key, headers)
        if entry is None or entry.checked == self.marks.version:
            return entry
        if is_good(entry, self.marks, api, key):
            return entry
        self.table.drop(key, entry)
        return None

    def keep(self, lookup: Lookup, entry: Entry) -> bool:
        """Keep an answer; False where it is too large, or the URL has been changed meanwhile."""
        if self._invalidations.since(lookup.url, lookup.found.observed):
            return False
        return self.table.keep(lookup.key, entry, self._now())

    def drop(self, lookup: Lookup, entry: Entry) -> None:
        """Forget the answer that was found."""
        self.table.drop(lookup.key, entry)

    def invalidate(self, url: str) -> None:
        """Forget all answers for a URL, and those that are under way."""
        self._invalidations.add(url)
        self.table.invalidate(url)
