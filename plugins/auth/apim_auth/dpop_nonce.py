"""Nonces that the gateway hands out and clients put into their proofs (RFC 9449, section 9)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

__all__ = ["Nonces"]


class Nonces:
    """Nonces of time and a secret: nothing is remembered, and all who have the secret accept each other's.

    One is good for a lifetime (seconds) at least, for two at most. ``now`` gives seconds since the epoch.
    """

    def __init__(self, secret: bytes, lifetime: float, now: Callable[[], float]) -> None:
        self._secret = secret
        self._lifetime = lifetime
        self._now = now

    def current(self) -> str:
        """The nonce that clients are to use now."""
        return self._of(self._step())

    def is_current(self, nonce: str | None) -> bool:
        """Whether it is the one that clients are to use now."""
        return nonce == self.current()

    def accepts(self, nonce: str | None) -> bool:
        """Whether it is the current nonce or the one before."""
        step = self._step()
        given = (nonce or "").encode("utf-8", "surrogatepass")
        return any(hmac.compare_digest(self._of(each).encode(), given) for each in (step, step - 1))

    def _step(self) -> int:
        return int(self._now() // self._lifetime)

    def _of(self, step: int) -> str:
        code = hmac.digest(self._secret, f"{self._lifetime} {step}".encode(), sha256)
        return urlsafe_b64encode(code[:18]).decode("ascii")
