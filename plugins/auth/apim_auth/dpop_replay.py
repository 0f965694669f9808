"""Proofs that were seen, so that each is good once (RFC 9449, section 11.1)."""

from __future__ import annotations

import contextlib
from typing import Literal

from apim_sdk import Clock, Store

from apim_auth.lifetimes import Lifetimes

__all__ = ["ProofStore", "SeenProofs", "TooManyProofs"]


class TooManyProofs(Exception):
    """There is no room to remember one more proof."""


class SeenProofs:
    """Proofs that this process has seen, for all plugins that take some and over reloads. Belongs to one event loop.

    They are held in two sets, of which the older is dropped when the newer has been filled for a window of time: each
    is remembered for one window at least, for two at most.
    """

    def __init__(self, clock: Clock) -> None:
        self.lifetimes = Lifetimes(clock)
        self._monotonic = clock.monotonic
        self._turned = clock.monotonic()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def add(self, digest: bytes, most: int) -> bool:
        """Remember a proof; False if it was seen before. Raises TooManyProofs where there are ``most``."""
        window, now = self.lifetimes.window, self._monotonic()
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
            first = await self._store.add(f"dpop/{digest.hex()}", b"1", self._local.lifetimes.window)
        except OSError:
            if self._on_error == "closed":
                raise
            return self._on_error == "open" or self._local.add(digest, self._most)
        if first and self._on_error == "local":
            with contextlib.suppress(TooManyProofs):  # the store knows it; this is for when that is away
                self._local.add(digest, self._most)
        return first
