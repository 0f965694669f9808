"""What is limited: so many units in a window of time, and how they are counted.

Four ways to count, each a module of its own here, over a bounded table of keys:

    gcra            a bucket that fills evenly; ``burst`` units at once after a quiet time
    sliding-window  two windows of the clock, the older weighed by what is left of it: smooth, and two numbers a key
    sliding-log     every call is remembered until it is a window old: exact, and as much memory as units
    fixed-window    a window begins with the first call, or with the clock's minute, day, month ...

The tables are what a process counts with by itself; they are also what a counter store must agree with.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, tzinfo
from typing import Final, Literal, Protocol, get_args

import attrs

__all__ = ["ALGORITHMS", "CALENDARS", "NEVER", "Algorithm", "Calendar", "Clock", "Forgot", "Grant", "Key", "Limit"]

Algorithm = Literal["gcra", "sliding-window", "sliding-log", "fixed-window"]
Calendar = Literal["minute", "hour", "day", "week", "month", "year"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)
CALENDARS: Final[tuple[Calendar, ...]] = get_args(Calendar)
NEVER: Final = float("inf")
"""Seconds until a call passes that costs more than the limit ever gives."""
LONGEST_LOG: Final = 100_000
"""Units that a sliding log may remember for a key."""
MOST_UNITS: Final = 2**40 - 1

Key = Hashable
"""What calls are counted by. Tables take any; a counter store takes texts."""
Forgot = Callable[[], None]
"""Told when a table forgets a key that was in use, because it holds too many."""


class Clock(Protocol):
    """Time, which a test can set."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


@attrs.frozen
class Limit:
    """``units`` in ``seconds``, counted by ``algorithm``.

    With a ``calendar`` unit the window is that of the clock in ``zone``, and ``seconds`` its nominal length. Raises
    ValueError for what cannot be counted so.
    """

    units: int = attrs.field(validator=(attrs.validators.ge(1), attrs.validators.le(MOST_UNITS)))
    seconds: float = attrs.field(validator=attrs.validators.ge(0.001))
    algorithm: Algorithm = attrs.field(default="gcra", validator=attrs.validators.in_(ALGORITHMS))
    burst: int = attrs.field(
        default=attrs.Factory(lambda limit: limit.units, takes_self=True), validator=attrs.validators.ge(1)
    )
    """Units that may come at once; of ``gcra`` only."""
    calendar: Calendar | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.in_(CALENDARS))
    )
    zone: tzinfo = UTC
    count_refused: bool = False
    """Whether a call that is refused counts, too."""
    varying: bool = False
    """Whether each call may be counted by another number of units. A counter of such a limit goes by the one of its
    own, whatever others of its name have; and a table takes another one without a look at its keys."""

    def __attrs_post_init__(self) -> None:
        if self.calendar is not None and self.algorithm != "fixed-window":
            raise ValueError(f"windows of the calendar are fixed: {self.algorithm} has none")
        if self.burst != self.units and self.algorithm != "gcra":
            raise ValueError(f"only gcra has a burst: {self.algorithm} lets all units come at once")
        if self.algorithm == "sliding-log" and self.units > LONGEST_LOG:
            raise ValueError(f"a sliding log remembers {LONGEST_LOG:,} units at most: take sliding-window")

    @property
    def most(self) -> int:
        """The most units that can pass at once."""
        return self.burst if self.algorithm == "gcra" else self.units


@attrs.frozen
class Grant:
    """What a counter gives.

    ``units`` were taken, 0 if none; ``wait`` is how many seconds until as many as were asked for at least would be (0.0
    if they were taken, ``NEVER`` if they are more than the limit gives). After that, ``remaining`` units are left, and
    ``reset`` is how many seconds it takes until as many as ever are.
    """

    units: int
    wait: float
    remaining: int
    reset: float
