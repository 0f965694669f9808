"""Tokens that were verified, so that each is verified once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from apim_sdk import KeyManager, Principal, Revocations

__all__ = ["Verified", "VerifiedTokens"]

_ENTRY = 1600
_PER_CHARACTER = 3
"""About how many bytes of memory a token takes: an entry with the usual claims, and more as it is longer."""
_SCHEME = b"Bearer "
_END = 64
"""How many bytes at its end a token is looked up by, before it is compared whole: to hash all of it for every request
would take longer than the rest of the look-up. They are the token's signature, or as random."""


class Verified:
    """A token that is good: whose it is, until when that holds, and what it takes to present it.

    ``until`` and ``usable_until`` are in seconds since the epoch: up to the first it is good without asking anybody;
    between the two it is good only where nobody can be asked. ``confirmation`` is its ``cnf`` (RFC 7800), None for a
    bearer token. ``generation`` is that of the key manager when its key was looked up. VerifiedTokens sets
    ``presented``, what a header says that carries the token, and ``looked_at``, the generation of revocations in which
    it was last found not to be revoked.
    """

    __slots__ = (
        "confirmation",
        "generation",
        "issued_at",
        "looked_at",
        "manager",
        "presented",
        "principal",
        "subject",
        "token_id",
        "until",
        "usable_until",
    )

    def __init__(
        self,
        principal: Principal,
        manager: KeyManager,
        generation: int,
        until: float,
        usable_until: float,
        *,
        confirmation: Mapping[str, Any] | None = None,
        token_id: str | None = None,
        subject: str | None = None,
        issued_at: float | None = None,
    ) -> None:
        self.principal = principal
        self.manager = manager
        self.generation = generation
        self.until = until
        self.usable_until = usable_until
        self.confirmation = confirmation
        self.token_id = token_id
        self.subject = subject
        self.issued_at = issued_at
        self.looked_at = -1
        self.presented = b""

    def revoked(self, token: str, revocations: Revocations) -> bool:
        """Whether the token, or all of its client or subject from its time, were revoked."""
        principal = self.principal
        subjects = (
            (principal.subject,)
            if self.subject in (None, principal.subject)
            else (
                principal.subject,
                self.subject,
            )
        )
        return any(
            revocations.revoked(
                token_id=self.token_id,
                token=token,
                client_id=principal.client_id,
                subject=subject,
                issuer=principal.issuer,
                issued_at=self.issued_at,
            )
            for subject in subjects
        )


class VerifiedTokens:
    """Tokens that are good: until they expire, are revoked, a key leaves their key manager, or newer need the room.

    Of two with the same end only the newer is remembered. Bounded in tokens and in bytes (estimated). Belongs to one
    event loop; ``now`` gives seconds since the epoch.
    """

    __slots__ = ("_bytes", "_entries", "_most", "_most_bytes", "_now", "_revocations")

    def __init__(self, most: int, most_bytes: int, now: Callable[[], float], revocations: Revocations) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._now = now
        self._revocations = revocations
        self._bytes = 0
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def bearer(self, presented: bytes) -> Principal | None:
        """Whose bearer token stands in a header (``Bearer ...``), where that takes no closer look: the quick way, taken
        by nearly every request."""
        entry = self._entries.get(presented[-_END:])
        if (
            entry is None
            or entry.presented != presented
            or entry.looked_at != self._revocations.generation
            or entry.until <= self._now()
            or entry.generation != entry.manager.generation
            or entry.confirmation is not None
        ):
            return None
        return entry.principal

    def get(self, token: str) -> Verified | None:
        """What is known of a token, if it is still good."""
        entry = self._find(token)
        if entry is None:
            return None
        now = self._now()
        generation = self._revocations.generation
        if (
            entry.usable_until <= now
            or entry.generation != entry.manager.generation
            or (entry.looked_at != generation and entry.revoked(token, self._revocations))
        ):
            self._drop(entry)
            return None
        entry.looked_at = generation
        return entry if now < entry.until else None

    def usable(self, token: str) -> Verified | None:
        """What was known of a token, where nobody can be asked now."""
        entry = self._find(token)
        if entry is None or entry.usable_until <= self._now() or entry.revoked(token, self._revocations):
            return None
        return entry

    def forget(self, token: str) -> None:
        """A token turned out to be no longer good."""
        entry = self._find(token)
        if entry is not None:
            self._drop(entry)

    def put(self, token: str, verified: Verified) -> None:
        """Keep what was verified, in place of what was known of it; the oldest leave for it."""
        verified.presented = _presented(token)
        there = self._entries.get(verified.presented[-_END:])
        if there is not None:
            self._drop(there)
        if _size_of(verified) > self._most_bytes:
            return
        self._entries[verified.presented[-_END:]] = verified
        self._bytes += _size_of(verified)
        while self._bytes > self._most_bytes or len(self._entries) > self._most:
            self._drop(next(iter(self._entries.values())))

    def _find(self, token: str) -> Verified | None:
        presented = _presented(token)
        entry = self._entries.get(presented[-_END:])
        return None if entry is None or entry.presented != presented else entry

    def _drop(self, entry: Verified) -> None:
        del self._entries[entry.presented[-_END:]]
        self._bytes -= _size_of(entry)


def _presented(token: str) -> bytes:
    """The token as it mostly stands in a header."""
    return _SCHEME + token.encode("utf-8", "surrogatepass")


def _size_of(entry: Verified) -> int:
    return _ENTRY + _PER_CHARACTER * (len(entry.presented) - len(_SCHEME))
