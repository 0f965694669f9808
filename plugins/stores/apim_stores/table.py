"""Values in memory: bounded, with expiry and a log of what changed."""

from __future__ import annotations

import errno
import heapq
from collections import deque
from collections.abc import AsyncGenerator
from itertools import islice
from typing import Final

import attrs
from apim_sdk import Change, Clock

from apim_stores.following import ChangeLog, News, Page
from apim_stores.keys import key_bytes

__all__ = ["Table"]

_LOG: Final = 10_000
"""How many changes are remembered for those who follow."""
_PAGE: Final = 500
"""How many values are told at once."""
_ENTRY: Final = 200
"""About how many bytes an entry takes besides those of its key and value."""


@attrs.frozen
class _Entry:
    """A value with the time (seconds since the epoch) when it expires."""

    value: bytes
    expires: float | None


class Table(ChangeLog[int]):
    """Values by key. Its position is the count of all changes so far. Belongs to one event loop."""

    poll = 0.25  # values expire without anybody doing a thing

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._max_entries = self._max_size = 0
        self._entries: dict[str, _Entry] = {}
        self._size = 0
        self._expiries: list[tuple[float, str]] = []  # a heap; what it says of a value that changed is outdated
        self._changed: deque[str] = deque(maxlen=_LOG)
        self._position = 0

    def bound(self, max_entries: int, max_size: int) -> None:
        """Hold no more than so many values, and so many bytes of them."""
        self._max_entries, self._max_size = max_entries, max_size

    def get(self, key: str) -> bytes | None:
        """The value that has not expired."""
        entry = self._entries.get(key)
        if entry is None or (entry.expires is not None and entry.expires <= self._clock.now()):
            return None
        return entry.value

    def put(self, key: str, value: bytes, expires_in: float | None) -> None:
        """Keep a value. Raises OSError (ENOSPC) where there is no room."""
        self._sweep()
        new = _size(key, value)
        old = self._entries.get(key)
        freed = _size(key, old.value) if old is not None else 0
        if self._size - freed + new > self._max_size or (old is None and len(self._entries) >= self._max_entries):
            raise OSError(errno.ENOSPC, f"the store is full: {len(self._entries)} values in {self._size} bytes")
        expires = None if expires_in is None else self._clock.now() + expires_in
        self._entries[key] = _Entry(value, expires)
        self._size += new - freed
        if expires is not None:
            self._expire(expires, key)
        self._tell(key)

    def delete(self, key: str) -> None:
        """Forget a value."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= _size(key, entry.value)
            self._tell(key)

    async def end(self) -> int:
        return self._position

    async def pages(self, prefix: str) -> AsyncGenerator[Page, None]:
        keys = iter([key for key in self._entries if key.startswith(prefix)])
        last = False
        while not last:
            page = list(islice(keys, _PAGE))
            last = len(page) < _PAGE
            found = [Change(key, self.get(key)) for key in page]
            yield Page(tuple([change for change in found if change.value is not None]), last)

    async def news(self, position: int, prefix: str) -> News[int] | None:
        self._sweep()
        missed = self._position - position
        if missed > len(self._changed):
            return None
        changed = islice(self._changed, len(self._changed) - missed, None)
        # Of several changes of a key the last counts, at its place.
        keys = dict.fromkeys(key for key in reversed(list(changed)) if key.startswith(prefix))
        return News(tuple([Change(key, self.get(key)) for key in reversed(keys)]), self._position)

    def _expire(self, expires: float, key: str) -> None:
        heapq.heappush(self._expiries, (expires, key))
        if len(self._expiries) > 2 * len(self._entries) + _PAGE:
            pairs = ((entry.expires, key) for key, entry in self._entries.items())
            self._expiries = [(expires, key) for expires, key in pairs if expires is not None]
            heapq.heapify(self._expiries)

    def _sweep(self) -> None:
        """Remove what has expired."""
        now = self._clock.now()
        while self._expiries and self._expiries[0][0] <= now:
            expires, key = heapq.heappop(self._expiries)
            entry = self._entries.get(key)
            if entry is not None and entry.expires == expires:
                self.delete(key)

    def _tell(self, key: str) -> None:
        self._position += 1
        self._changed.append(key)
        self.wake()


def _size(key: str, value: bytes) -> int:
    return len(key_bytes(key)) + len(value) + _ENTRY
