"""What has been revoked before it expired: single tokens, and all that a client or subject got before a moment.

Bounded by time: a single token is forgotten once it has expired anyway; a client or subject once any token of before
has. Whoever tells of a revocation tells how long to remember it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

__all__ = ["Revocations"]


class Revocations:
    """See ``apim_sdk.Revocations``. ``now`` gives seconds since the epoch. Belongs to one event loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.generation = 0
        self._now = now
        self._tokens: dict[str, float] = {}
        self._owners: dict[tuple[str, str, str | None], tuple[float, float]] = {}

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
        if self._tokens and (
            (token_id is not None and f"jti {token_id}" in self._tokens)
            or (token is not None and digest_of(token) in self._tokens)
        ):
            return True
        if not self._owners:
            return False
        for kind, name in (("client", client_id), ("subject", subject)):
            if name is None:
                continue
            for by in (issuer, None):
                before = self._owners.get((kind, name, by))
                if before is not None and (issued_at is None or issued_at <= before[0]):
                    return True
        return False


def digest_of(token: str) -> str:
    """What a token is known by here without being kept."""
    return f"sha256 {hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()}"
