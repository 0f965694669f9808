"""What a request wants of a cache: its conditions, its range, its directives."""

from __future__ import annotations

from typing import Final

import attrs
from apim_sdk import Headers

from apim_traffic.cache.directives import parse_cache_control
from apim_traffic.cache.entry import Entry

__all__ = ["BYPASSED", "CONDITIONS", "PLAIN", "RANGES", "Wish", "wish_of"]

CONDITIONS: Final = frozenset((b"if-modified-since", b"if-none-match"))
RANGES: Final = frozenset((b"if-range", b"range"))
BYPASSED: Final = frozenset(
    (b"if-match", b"if-unmodified-since", b"upgrade", b"x-http-method", b"x-http-method-override", b"x-method-override")
)
"""Fields of requests that a cache has no part in: some change what the request does, behind the back of its key."""


@attrs.frozen
class Wish:
    """What a request wants; times in seconds, None where it does not say."""

    conditional: bool = False
    ranged: bool = False
    refresh: bool = False
    no_store: bool = False
    only_if_cached: bool = False
    max_age: int | None = None
    min_fresh: int = 0
    max_stale: int = 0

    @property
    def whole(self) -> bool:
        """Whether the backend will give the whole answer, so that others can wait for it."""
        return not (self.conditional or self.ranged or self.refresh or self.no_store)

    @property
    def strict(self) -> bool:
        """Whether it bounds how old an answer may be."""
        return self.refresh or self.max_age is not None or self.min_fresh > 0

    def accepts(self, entry: Entry, now: float) -> bool:
        """Whether an answer may be given as it is (RFC 9111, sections 4.2 and 5.2.1)."""
        fresh_for = entry.fresh_until - now
        if self.refresh or (self.max_age is not None and entry.age(now) > self.max_age):
            return False
        if fresh_for > self.min_fresh:
            return True
        return entry.stale_allowed and not self.min_fresh and -fresh_for < self.max_stale


PLAIN: Final = Wish()


def wish_of(headers: Headers, directives: bool, refresh: bool) -> Wish:
    """What a request wants; its Cache-Control counts only where ``directives`` says so."""
    index = headers.index
    conditional, ranged = not CONDITIONS.isdisjoint(index), not RANGES.isdisjoint(index)
    value = headers.combined(b"cache-control") if directives else None
    if value is None:
        return Wish(conditional, ranged, refresh)
    said = parse_cache_control(value)
    return Wish(
        conditional,
        ranged,
        refresh or said.no_cache,
        said.no_store,
        said.only_if_cached,
        said.max_age,
        said.min_fresh or 0,
        said.max_stale or 0,
    )
