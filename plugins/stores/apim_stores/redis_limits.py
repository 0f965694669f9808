"""A limit as the script in Redis takes it: eleven whole numbers that fit into doubles.

A window has a tick each microsecond. Where all units together would then have more than 2**51 parts, it has fewer:
10**9 units a day have ticks of 1 us with ``gcra``, as units and ticks have common factors, and 999,999,937 (a prime)
ticks of 77 ms; a million units a day have ticks of 38 us with ``sliding-window``.
"""

from __future__ import annotations

from math import gcd
from typing import Final

from apim_sdk import Limit
from apim_sdk.counting.calendar import bounds, nominal

__all__ = ["NUMBERS", "calendar_window", "numbers_of"]

NUMBERS: Final = 11
_MICROSECONDS: Final = 1_000_000
_MOST_PARTS: Final = 1 << 51
_WAYS: Final = {"gcra": 1, "sliding-window": 2, "sliding-log": 3, "fixed-window": 4}


def numbers_of(limit: Limit, window: tuple[int, int, int] = (0, 0, 0)) -> tuple[int, ...]:
    """The numbers, in the order of the script; ``window`` is that of the calendar."""
    length = max(round(limit.seconds * _MICROSECONDS), 1)
    ticks, part, drain = length, 1, 1
    if limit.algorithm == "gcra":
        ticks = _ticks(length, limit.burst + limit.units, limit.units)
        common = gcd(ticks, limit.units)
        part, drain = ticks // common, limit.units // common
    elif limit.algorithm == "sliding-window":
        ticks = min(length, _MOST_PARTS // limit.units)
    elif limit.algorithm == "fixed-window":
        seconds = limit.seconds if limit.calendar is None else nominal(limit.calendar)
        length = max(round(seconds * 1000), 1)
    return (
        _WAYS[limit.algorithm],
        limit.units,
        limit.most,
        length,
        ticks,
        part,
        drain,
        int(limit.count_refused),
        *window,
    )


def _ticks(length: int, most: int, units: int) -> int:
    """How many ticks a window has, of which ``most`` units at once have parts that can be counted."""
    if most * (length // gcd(length, units)) <= _MOST_PARTS:
        return length
    return max(min(length, _MOST_PARTS // most), 1)


def calendar_window(limit: Limit, moment: float) -> tuple[int, int, int]:
    """When the window of ``moment`` (seconds since the epoch) began, when it ends and when the next does, in
    milliseconds; zeros where the limit does not go by the calendar."""
    if limit.calendar is None:
        return 0, 0, 0
    begin, end = bounds(limit.calendar, limit.zone, moment)
    _, after = bounds(limit.calendar, limit.zone, end)
    return begin * 1000, end * 1000, after * 1000
