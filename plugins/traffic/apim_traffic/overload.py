"""Tell when an event loop has more to do than it can, and what share of the requests to turn away.

The measure is lag: how much later than due a timer of the loop runs. One that is late once had bad luck; what counts is
the least lag of an interval, for where that is high, work has been standing in line all the time (as in the CoDel
algorithm, RFC 8289). With each such interval in a row the share that is turned away grows, by the square root as CoDel
has it: 29 %, 42 %, 50 %, 55 % ... With each good one the number of bad ones behind it is halved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum

__all__ = ["Overload", "Rank"]


class Rank(IntEnum):
    """Which requests are turned away before others."""

    ALIKE = 0
    """There is no difference."""
    FIRST = 1
    """They lose twice the share, until all are gone;"""
    LAST = 2
    """only then these begin to lose any."""


class Overload:
    """See the module. Belongs to one event loop. ``changed`` is told when shedding begins and ends.

    ``share`` is what is to be turned away, ``lag`` the least of the last interval in seconds.
    """

    __slots__ = (
        "__weakref__",
        "_bad",
        "_changed",
        "_credits",
        "_interval",
        "_least",
        "_most",
        "_shares",
        "_target",
        "_until",
        "lag",
        "share",
    )

    def __init__(self, target: float, interval: float, most: float, changed: Callable[[Overload], None]) -> None:
        self._target = target
        self._interval = interval
        self._most = most
        self._changed = changed
        self._least = math.inf
        self._until = 0.0
        self._bad = 0
        self._shares = (0.0, 0.0, 0.0)
        self._credits = [0.0, 0.0, 0.0]
        self.share = 0.0
        self.lag = 0.0

    def observe(self, lag: float, now: float) -> None:
        """A timer ran ``lag`` seconds late; it is ``now`` (monotonic seconds)."""
        if lag < self._least:
            self._least = lag
        if now >= self._until:
            if self._until:
                self._judge()
            self._until = now + self._interval
            self._least = math.inf

    def _judge(self) -> None:
        before = self.share
        self.lag = self._least
        self._bad = self._bad + 1 if self.lag > self._target else self._bad // 2
        self.share = share = min(1 - 1 / math.sqrt(1 + self._bad), self._most)
        self._shares = (share, min(2 * share, self._most), min(max(2 * share - 1, 0.0), self._most))
        if bool(before) != bool(share):
            self._changed(self)

    def turns_away(self, rank: Rank) -> bool:
        """Whether this request is to be turned away. They are evenly spread: of a share of a third, every third."""
        credit = self._credits[rank] + self._shares[rank]
        turned_away = credit >= 1
        self._credits[rank] = credit - 1 if turned_away else credit
        return turned_away
