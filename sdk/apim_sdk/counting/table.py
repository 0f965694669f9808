"""A bounded table of keys, which the ways to count have in common."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from apim_sdk.counting.limit import Clock, Forgot, Grant, Key, Limit

__all__ = ["Table"]

_FEW: Final = 100
"""Keys that are not worth a look whether they are idle: the callers of a small API come again and again."""


class Table:
    """The keys of one limit, at most ``size`` of them; ``len`` tells how many.

    It belongs to one event loop. A key that is idle is as good as a new one. Once there are more than a few, each new
    key looks at two of the oldest: idle ones leave, others go to the end, so that no call ever waits for a clean-up.
    Where all keys are in use, the oldest is forgotten, of which ``forgot`` is told.

    Time is counted in whole ticks of ``_now``, so that no sum rounds.
    """

    __slots__ = ("_clock", "_few", "_forgot", "_order", "_size", "_values", "limit")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        self.limit = limit
        self._clock = clock
        self._size = size
        self._few = min(size, _FEW)
        self._forgot = forgot
        self._values: dict[Key, Any] = {}
        self._order: deque[Key] = deque()

    def __len__(self) -> int:
        return len(self._values)

    def take(self, key: Key, cost: int = 1) -> float:
        """Take ``cost`` units (0.0), or take none and say in how many seconds they could be taken.

        ``NEVER`` for more than the limit ever gives at once.
        """
        return self.grant(key, cost, cost).wait

    def grant(self, key: Key, least: int, most: int) -> Grant:
        """Take as many units as there are, up to ``most``; none if there are fewer than ``least``."""
        raise NotImplementedError

    def settle(self, key: Key, units: int) -> None:
        """Take ``units`` more, whether they are there or not; negative ones are given back."""
        raise NotImplementedError

    def standing(self, key: Key) -> Grant:
        """How the key stands; nothing is taken, and ``wait`` is that of one unit."""
        raise NotImplementedError

    def reset(self, key: Key) -> None:
        """Make the key as good as new."""
        if key in self._values:
            self._values[key] = self._fresh()

    def adopt(self, limit: Limit) -> None:
        """Count by another limit from now on, which differs in ``units``, ``burst`` and ``count_refused`` only.

        What was taken stays taken, in units.
        """
        self.limit = limit

    def quiet(self) -> bool:
        """Whether every key is idle, so that nothing is lost with the table."""
        now = self._now()
        return all(self._idle(value, now) for value in self._values.values())

    # What a way to count says of its values

    def _fresh(self) -> Any:
        """The value of a key that is idle at any time."""
        raise NotImplementedError

    def _now(self) -> int:
        """The present in ticks."""
        raise NotImplementedError

    def _idle(self, value: Any, now: int) -> bool:
        """Whether a value is as good as none."""
        raise NotImplementedError

    # The bound

    def _enter(self, key: Key, value: Any, now: int) -> None:
        """Keep the value of a key that is new."""
        values = self._values
        order = self._order
        if len(order) >= self._few:
            for _ in range(min(2, len(order))):
                oldest = order.popleft()
                if self._idle(values[oldest], now):
                    del values[oldest]
                elif len(values) < self._size:
                    order.append(oldest)
                else:
                    del values[oldest]
                    self._forgot()
        values[key] = value
        order.append(key)

    def _keep(self, key: Key, value: Any, now: int) -> None:
        if key in self._values:
            self._values[key] = value
        else:
            self._enter(key, value, now)
