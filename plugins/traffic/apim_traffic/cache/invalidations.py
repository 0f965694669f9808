"""Which URLs have been changed by an unsafe method, for answers that were under way meanwhile."""

from __future__ import annotations

from typing import Final

from cachetools import LRUCache

__all__ = ["Invalidations"]

_REMEMBERED: Final = 4096


class Invalidations:
    """The newest invalidations by URL, counted. One that is forgotten counts as one of every URL, for those who asked
    before it: that way an answer is kept too seldom, never too often."""

    def __init__(self) -> None:
        self.count = 0
        self._newest: LRUCache[str, int] = LRUCache(_REMEMBERED)
        self._forgotten = 0

    def add(self, url: str) -> None:
        """A URL has been changed."""
        self.count += 1
        if len(self._newest) >= _REMEMBERED and url not in self._newest:
            self._forgotten = max(self._forgotten, self._newest.popitem()[1])
        self._newest[url] = self.count

    def since(self, url: str, count: int) -> bool:
        """Whether it may have been changed after the ``count`` of then."""
        return self._newest.get(url, self._forgotten) > count
