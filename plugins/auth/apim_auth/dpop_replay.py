"""Proofs that were seen, so that each is good once (RFC 9449, section 11.1)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

from apim_sdk import Store

__all__ = ["ProofStore", "SeenProofs", "TooManyProofs"]


class TooManyProofs(Exception):
    """There is no room to remember one more proof."""


class SeenProofs:
    """Proofs that this process has seen within a window of time, at most so many. Belongs to one event loop.

    They are held in two sets, of which the older is dropped when the newer has been filled for a window: each is
    remembered for one window at least, for two at most.
    """

    def __init__(self, most: int, window: float, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._window = window
        self._monotonic = monotonic
        self._turned = monotonic()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def add(self, digest: bytes) -> bool:
        """Remember a proof; False if it was seen before. Raises TooManyProofs."""
        elapsed = self._monotonic() - self._turned
        if elapsed >= self._window:
            self._older = self._newer if elapsed < 2 * self._window else set()
            self._newer = set()
            self._turned = self._monotonic()
        if digest in self._newer or digest in self._older:
            return False
        if len(self) >= self._most:
            raise TooManyProofs
        self._newer.add(digest)
        return True


class ProofStore:
    """Proofs that all who use the same store have seen."""

    def __init__(
        self, store: Store, window: float, local: SeenProofs, on_error: Literal["closed", "open", "local"]
    ) -> None:
        self._store = store
        self._window = window
        self._local = local
        self._on_error = on_error

    async def add(self, digest: bytes) -> bool:
        """Remember a proof; False if it was seen before. Raises OSError where that cannot be told, TooManyProofs."""
        try:
            first = await self._store.add(f"dpop/{digest.hex()}", b"1", self._window)
        except OSError:
            if self._on_error == "closed":
                raise
            return self._on_error == "open" or self._local.add(digest)
        if first and self._on_error == "local":
            with contextlib.suppress(TooManyProofs):  # the store knows it; this is for when that is away
                self._local.add(digest)
        return first
