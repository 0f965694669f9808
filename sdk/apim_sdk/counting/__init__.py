"""Counting against limits: what a limit is, and the tables in which one process counts."""

from __future__ import annotations

from apim_sdk.counting.fixed_window import FixedWindow
from apim_sdk.counting.gcra import GCRA
from apim_sdk.counting.leaky_bucket import LeakyBucket
from apim_sdk.counting.limit import (
    ALGORITHMS,
    CALENDARS,
    NEVER,
    Algorithm,
    Calendar,
    Clock,
    Forgot,
    Grant,
    Key,
    Limit,
)
from apim_sdk.counting.shards import LARGEST, Shards
from apim_sdk.counting.sliding_log import SlidingLog
from apim_sdk.counting.sliding_window import SlidingWindow
from apim_sdk.counting.table import Table

__all__ = [
    "ALGORITHMS",
    "CALENDARS",
    "NEVER",
    "Algorithm",
    "Calendar",
    "Clock",
    "Forgot",
    "Grant",
    "Key",
    "Limit",
    "Table",
    "open_table",
]

_TABLES: dict[Algorithm, type[Table]] = {
    "gcra": GCRA,
    "sliding-window": SlidingWindow,
    "sliding-log": SlidingLog,
    "fixed-window": FixedWindow,
}


def open_table(limit: Limit, clock: Clock, size: int = 100_000, forgot: Forgot = lambda: None) -> Table:
    """A table that counts as the limit says, of at most ``size`` keys; ``forgot`` is told of each that had to go."""
    table = LeakyBucket if limit.varying and limit.algorithm == "gcra" else _TABLES[limit.algorithm]
    return table(limit, clock, size, forgot) if size <= LARGEST else Shards(table, limit, clock, size, forgot)
