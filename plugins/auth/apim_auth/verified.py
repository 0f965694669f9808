"""Tokens that were verified, so that each is verified once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from apim_sdk import Principal

__all__ = ["VerifiedTokens"]

_OVERHEAD = 4
"""How much of memory a token takes, in its own lengths: its text, its claims decoded, the entry."""


class VerifiedTokens:
    """Principals by their tokens: until the token expires, a key leaves its key manager, or newer ones need the room.

    Bounded in tokens and in bytes (estimated). Belongs to one event loop; ``now`` gives seconds since the epoch.
    """

    __slots__ = ("_bytes", "_entries", "_generation", "_most", "_most_bytes", "_now")

    def __init__(self, most: int, most_bytes: int, now: Callable[[], float]) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._now = now
        self._generation = 0
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, token: str, generation: int) -> Principal | None:
        """Whose token it is, if it was verified by the keys of this generation and has not expired."""
        entry = self._entries.get(token)
        if entry is None:
            return None
        if generation != self._generation:
            self._clear(generation)
            return None
        if entry[1] <= self._now():
            self._drop(token)
            return None
        return entry[0]

    def put(self, token: str, principal: Principal, until: float, generation: int) -> None:
        """Keep what was verified by the keys of this generation, ``until`` then; the oldest leave for it."""
        if generation != self._generation:
            self._clear(generation)
        if token in self._entries or _OVERHEAD * len(token) > self._most_bytes:
            return
        self._entries[token] = (principal, until)
        self._bytes += _OVERHEAD * len(token)
        while self._bytes > self._most_bytes or len(self._entries) > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, token: str) -> None:
        del self._entries[token]
        self._bytes -= _OVERHEAD * len(token)

    def _clear(self, generation: int) -> None:
        self._entries.clear()
        self._bytes = 0
        self._generation = generation
