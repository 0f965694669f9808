"""What has been revoked before it expired: single tokens, and all that a client or subject got until a moment.

Bounded by time: each revocation has an end after which it is forgotten, for what it is about is then no good anyway.
Bounded by number: what is over that is refused, and counted; it is never another revocation that makes room.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Final, Literal

import attrs

from apim_core.access.digests import digest_of_token

__all__ = ["Revocation", "RevocationKind", "Revocations", "TooMany"]

RevocationKind = Literal["token_id", "token", "client_id", "subject"]

_SPARE: Final = 64
"""Ends that may lie about without a revocation before they are cleared away."""


class TooMany(Exception):
    """There is no room for another revocation."""


@attrs.frozen
class Revocation:
    """One revocation; times in seconds since the epoch."""

    id: str
    kind: RevocationKind
    value: str
    """The ``jti``, the SHA-256 of the token, the client id or the subject."""
    issuer: str | None
    """Whose tokens it is about; None for anybody's."""
    moment: float
    """Of a client or subject, what was issued until then is revoked."""
    expires: float
    """When it is forgotten."""


class Revocations:
    """See ``apim_sdk.Revocations``. ``now`` gives seconds since the epoch. Belongs to one event loop."""

    def __init__(self, now: Callable[[], float], most: int = 100_000) -> None:
        self.generation = 0
        self.refused = 0
        """How many there was no room for."""
        self._now = now
        self.most = most
        """How many there may be at a time."""
        self._by_id: dict[str, Revocation] = {}
        self._single: dict[tuple[str, str, str | None], Revocation] = {}
        self._owners: dict[tuple[str, str, str | None], Revocation] = {}
        self._ends: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._by_id

    def ids(self) -> Iterable[str]:
        """Of all that there are."""
        return self._by_id.keys()

    def get(self, id_: str) -> Revocation | None:
        """The one of an id, if it is remembered."""
        self._forget()
        return self._by_id.get(id_)

    def all(self) -> tuple[Revocation, ...]:
        """All that are remembered."""
        self._forget()
        return tuple(self._by_id.values())

    def put(self, revocation: Revocation) -> None:
        """Remember a revocation, in place of the one of the same id. Raises TooMany."""
        self._forget()
        if revocation.expires <= self._now() or self._by_id.get(revocation.id) == revocation:
            return
        if revocation.id not in self._by_id and len(self._by_id) >= self.most:
            self.refused += 1
            raise TooMany(f"{self.most} revocations are held, and no more are (access.revocations)")
        self.remove(revocation.id)
        self._by_id[revocation.id] = revocation
        self._table(revocation)[revocation.kind, revocation.value, revocation.issuer] = revocation
        heapq.heappush(self._ends, (revocation.expires, revocation.id))
        if len(self._ends) > _SPARE + 2 * len(self._by_id):  # those that were prolonged or removed left their old ends
            self._ends = [(each.expires, each.id) for each in self._by_id.values()]
            heapq.heapify(self._ends)
        self.generation += 1

    def remove(self, id_: str) -> None:
        """Forget a revocation, if it is known."""
        known = self._by_id.pop(id_, None)
        if known is not None:
            self._table(known).pop((known.kind, known.value, known.issuer), None)

    def revoked(
        self,
        *,
        token_id: str | None = None,
        token: str | None = None,
        client_id: str | None = None,
        subject: str | None = None,
        issuer: str | None = None,
        issued_at: float | None = None,
    ) -> bool:
        """See ``apim_sdk.Revocations``."""
        if self._single:
            if token_id is not None and self._find(self._single, "token_id", token_id, issuer):
                return True
            if token is not None and self._find(self._single, "token", digest_of_token(token), issuer):
                return True
        if self._owners:
            for kind, name in (("client_id", client_id), ("subject", subject)):
                if name is not None and any(
                    issued_at is None or issued_at <= each.moment
                    for each in self._find(self._owners, kind, name, issuer)
                ):
                    return True
        return False

    def _find(
        self, table: dict[tuple[str, str, str | None], Revocation], kind: str, value: str, issuer: str | None
    ) -> list[Revocation]:
        """Those about the tokens of the issuer, and of any, that are not over."""
        found = [table.get((kind, value, by)) for by in ({issuer, None} if issuer is not None else {None})]
        return [each for each in found if each is not None and each.expires > self._now()]

    def _table(self, revocation: Revocation) -> dict[tuple[str, str, str | None], Revocation]:
        return self._single if revocation.kind in ("token_id", "token") else self._owners

    def _forget(self) -> None:
        """Drop those that are over."""
        now = self._now()
        while self._ends and self._ends[0][0] <= now:
            _, id_ = heapq.heappop(self._ends)
            known = self._by_id.get(id_)
            if known is not None and known.expires <= now:
                self.remove(id_)
