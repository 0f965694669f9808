"""Proofs that were seen, so that each is good once (RFC 9449, section 11.1)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

from apim_sdk import Clock, Store

__all__ = ["ProofStore", "SeenProofs", "TooManyProofs"]


class TooManyProofs(Exception):
    """There is no room to remember one more proof."""


class SeenProofs:
    """Proofs that this process has seen, for all plugins that take some and over reloads. Belongs to one event loop.

    They are held in two sets, of which the older is dropped when the newer has been filled for a window of time: each
    is remembered for one window at least, for two at most. The window is the longest that any who use it need.

    Where it gets longer, proofs may have been forgotten that would be good by the new settings: so one that was made
    before that is good no longer than it was then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._needs: list[tuple[float, float]] = []
        self._turned = clock.monotonic()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()
        self._changed = float("-inf")
        self._lifetime_before = float("inf")

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    @property
    def window(self) -> float:
        """How long a proof is remembered at least, in seconds."""
        return max((lifetime + leeway for lifetime, leeway in self._needs), default=0.0)

    def join(self, lifetime: float, leeway: float) -> Callable[[], None]:
        """Remember for as long as proofs of this lifetime are good, until what this answers is called."""
        need, window = (lifetime, leeway), self.window
        if self._needs and sum(need) > window:
            ahead = max(leeway for _, leeway in self._needs)
            still = self._lifetime_before if self._clock.now() < self._changed + window else float("inf")
            self._lifetime_before = min(window - ahead, still)
            self._changed = self._clock.now() + ahead
        self._needs.append(need)
        return lambda: self._needs.remove(need)

    def lifetime_of(self, issued_at: float, lifetime: float) -> float:
        """How long a proof is good that was made at ``issued_at``, where one that is made now is for ``lifetime``."""
        return lifetime if issued_at > self._changed else min(lifetime, self._lifetime_before)

    def add(self, digest: bytes, most: int) -> bool:
        """Remember a proof; False if it was seen before. Raises TooManyProofs where there are ``most``."""
        window, now = self.window, self._clock.monotonic()
        elapsed = now - self._turned
        if elapsed >= window:
            self._older = self._newer if elapsed < 2 * window else set()
            self._newer = set()
            self._turned = now
        if digest in self._newer or digest in self._older:
            return False
        if len(self) >= most:
            raise TooManyProofs
        self._newer.add(digest)
        return True


class ProofStore:
    """Proofs that all who use the same store have seen."""

    def __init__(
        self, store: Store, local: SeenProofs, most: int, on_error: Literal["closed", "open", "local"]
    ) -> None:
        self._store = store
        self._local = local
        self._most = most
        self._on_error = on_error

    async def add(self, digest: bytes) -> bool:
        """Remember a proof; False if it was seen before. Raises OSError where that cannot be told, TooManyProofs."""
        try:
            first = await self._store.add(f"dpop/{digest.hex()}", b"1", self._local.window)
        except OSError:
            if self._on_error == "closed":
                raise
            return self._on_error == "open" or self._local.add(digest, self._most)
        if first and self._on_error == "local":
            with contextlib.suppress(TooManyProofs):  # the store knows it; this is for when that is away
                self._local.add(digest, self._most)
        return first
