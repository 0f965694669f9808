"""A counter as a policy sees it, wherever the counts live."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from apim_sdk import Context, Grant, Limit
from apim_sdk.counting import Key, open_table

__all__ = ["Counter", "open_counter"]


class Counter(Protocol):
    """One limit, with all its keys.

    Calls answer at once where the process can decide by itself, and an awaitable where a store is to be asked: whoever
    calls awaits what is no number, so that nothing is awaited for nothing.
    """

    def take(self, key: Key, cost: int = 1) -> float | Awaitable[float]:
        """Take ``cost`` units (0.0), or none, and say in how many seconds they could be taken.

        ``apim_sdk.counting.NEVER`` for more than the limit ever gives at once.
        """

    def settle(self, key: Key, units: int) -> Awaitable[None] | None:
        """Take ``units`` more, whether they are there or not; negative ones are given back."""

    def standing(self, key: Key) -> Grant:
        """How the key stands, as far as the process knows; it never waits."""

    def reset(self, key: Key) -> Awaitable[None] | None:
        """Make the key as good as new."""


async def open_counter(context: Context, kind: str, limit: Limit, max_keys: int) -> Counter:
    """The counter of the step that ``context`` is for; a reload that leaves it as it is goes on with its counts."""
    place = context.place
    forgot = context.metrics.counter(
        "apim_limit_forgotten_keys_total", "Keys that a limit forgot because it held too many", ("place",)
    )
    return await context.shared(
        (kind, place, limit, max_keys),
        lambda: open_table(limit, context.clock, max_keys, lambda: forgot(place)),
    )
