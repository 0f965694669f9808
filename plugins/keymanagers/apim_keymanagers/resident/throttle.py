"""A bound on guessing: who fails too often has to wait."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from apim_sdk import Clock

from apim_keymanagers.resident.errors import OAuthError

__all__ = ["Throttle"]

_WINDOW: Final = 300.0
_MOST_KEPT: Final = 10_000


class Throttle:
    """Failures by what was tried and from where, over five minutes; of at most 10,000 pairs. One process counts alone.

    ``most`` failures are allowed for one pair and ten times as many for one thing from everywhere, so that a stranger
    elsewhere cannot lock a user out by a handful of requests.
    """

    def __init__(self, clock: Clock, most: int = 10) -> None:
        self._now = clock.monotonic
        self._most = most
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def check(self, what: str, address: str) -> None:
        """Raises OAuthError (429) while there were too many failures."""
        for key, most in (((what, address), self._most), ((what, ""), 10 * self._most)):
            since, count = self._failures.get(key, (0.0, 0))
            wait = since + _WINDOW - self._now()
            if count >= most and wait > 0:
                headers = {"Retry-After": str(int(wait) + 1)}
                raise OAuthError("slow_down", "too many failed attempts: try again later", status=429, headers=headers)

    def failed(self, what: str, address: str) -> None:
        """Count a failure."""
        now = self._now()
        for key in ((what, address), (what, "")):
            since, count = self._failures.get(key, (now, 0))
            self._failures[key] = (since, count + 1) if since + _WINDOW > now else (now, 1)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEPT:
            self._failures.popitem(last=False)

    def forgive(self, what: str, address: str) -> None:
        """Take back a failure that was counted before it was one."""
        for key in ((what, address), (what, "")):
            since, count = self._failures.get(key, (0.0, 0))
            if count > 1:
                self._failures[key] = (since, count - 1)
            else:
                self._failures.pop(key, None)

    def succeeded(self, what: str, address: str) -> None:
        """Forget the failures of this pair."""
        self._failures.pop((what, address), None)
