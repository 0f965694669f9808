"""How many retries there may be, so that they cannot make a storm of a breeze."""

from __future__ import annotations

from collections.abc import Callable

from apim_traffic.rolling import FAILED, TimeWindow

__all__ = ["RetryBudget"]


class RetryBudget:
    """Lets retries be at most ``ratio`` of the requests of the last ``seconds``; ``minimum`` of them in any case."""

    __slots__ = ("_minimum", "_now", "_ratio", "_window")

    def __init__(self, ratio: float, minimum: int, seconds: float, now: Callable[[], float]) -> None:
        self._ratio = ratio
        self._minimum = minimum
        self._now = now
        self._window = TimeWindow(seconds)  # what is flagged as failed there is a retry here

    def request(self) -> None:
        """A request has come."""
        self._window.add(0, self._now())

    def retry(self) -> bool:
        """Whether one may be tried again; if so, that is counted."""
        window = self._window
        now = self._now()
        window.advance(now)
        requests = window.total - window.failed
        if window.failed + 1 > max(self._ratio * requests, self._minimum):
            return False
        window.add(FAILED, now)
        return True
