"""How much came through, against how much may.

A call counts somewhere between when it came and when it was let through: in a span only if both are in it. The excess
is how many units beyond the limit the worst span has, below zero if no span has as many as it may.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence

from apim_sdk import Limit

__all__ = ["Call", "excess"]

Call = tuple[float, float]
"""When a call came, and when it was let through."""


def excess(limit: Limit, calls: Sequence[Call], windows: Collection[tuple[float, float]], epoch: float) -> float:
    """The excess of a limit; ``windows`` are those of a fixed window, ``epoch`` is the beginning by the clock."""
    if limit.algorithm == "gcra":
        return _spans(calls, limit.units / limit.seconds) - limit.burst
    if limit.algorithm == "sliding-log":
        return _log(calls, limit.seconds) - limit.units
    if limit.algorithm == "sliding-window":
        return _estimate(calls, limit.seconds, epoch) - limit.units
    return max((_within(calls, *window) for window in windows), default=0) - limit.units


def _within(calls: Sequence[Call], begin: float, end: float) -> int:
    return sum(begin <= came and passed < end for came, passed in calls)


def _log(calls: Sequence[Call], seconds: float) -> int:
    """Most calls in a span of so many seconds, which all last longer than any call waits."""
    came = sorted(call[0] for call in calls)
    passed = sorted(call[1] for call in calls)
    end = 1 - 1e-6  # the microsecond in which the store's clock counts
    return max((bisect_left(passed, start + seconds * end) - bisect_left(came, start) for start in came), default=0)


def _estimate(calls: Sequence[Call], seconds: float, epoch: float) -> float:
    """The most that two windows of the clock estimate; what was on its way over an edge counts in neither."""
    worst = 0.0
    counts: dict[int, int] = {}
    for came, passed in sorted(calls, key=lambda call: call[1]):
        window = math.floor((epoch + passed) / seconds)
        if window != math.floor((epoch + came) / seconds):
            continue
        counts[window] = counts.get(window, 0) + 1
        elapsed = (epoch + passed) / seconds - window
        worst = max(worst, counts.get(window - 1, 0) * (1 - elapsed) + counts[window])
    return worst


def _spans(calls: Sequence[Call], rate: float) -> float:
    """Most calls in a span, less what the rate allows for its length.

    A tree over all moments at which calls came holds, for a span from there until now, the calls in it and ``rate``
    times where it begins.
    """
    starts = sorted({call[0] for call in calls})
    if not starts:
        return 0.0
    size = 1 << (len(starts) - 1).bit_length()
    best, added = [-math.inf] * (2 * size), [0.0] * (2 * size)

    def lift(node: int) -> None:
        while node > 1:
            node //= 2
            best[node] = max(best[2 * node], best[2 * node + 1]) + added[node]

    worst, begun = 0.0, 0
    for came, passed in sorted(calls, key=lambda call: call[1]):
        while begun < len(starts) and starts[begun] <= passed:
            best[size + begun] = rate * starts[begun]
            lift(size + begun)
            begun += 1
        last = bisect_right(starts, came) - 1
        left, right = size, size + last + 1  # add one to every start until `came`
        while left < right:
            if left & 1:
                best[left] += 1
                added[left] += 1
                left += 1
            if right & 1:
                right -= 1
                best[right] += 1
                added[right] += 1
            left, right = left // 2, right // 2
        lift(size)
        lift(size + last)
        worst = max(worst, best[1] - rate * passed)
    return worst
