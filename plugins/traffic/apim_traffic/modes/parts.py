"""What a mode is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
from apim_sdk import Clock, Limit
from apim_sdk.counters import SharedCounter
from apim_sdk.counting import Table, open_table

from apim_traffic.modes.link import Link
from apim_traffic.modes.view import View

__all__ = ["Parts"]


@attrs.frozen(kw_only=True)
class Parts:
    """A limit, where it is counted, and what becomes of calls when it cannot be."""

    limit: Limit
    counter: SharedCounter
    link: Link
    clock: Clock
    timeout: float
    """Seconds that a question to the store may take."""
    sync_interval: float
    """Seconds between what ``async`` tells the store, and for which ``hybrid`` keeps what it does not use."""
    max_keys: int
    on_store_error: Literal["closed", "open", "local"]
    forgot: Callable[[], None]
    """Told of each key in use that had to go."""
    undecided: Callable[[], None]
    """Told of each call that went by ``on_store_error``."""
    tables: dict[str, Table] | None = None
    """Tables that the counters of a limit which varies have in common, by what they are for."""

    def table(self, purpose: str, limit: Limit) -> Table:
        """A table in which this process counts by itself."""
        tables = self.tables
        if tables is None:
            return open_table(limit, self.clock, self.max_keys, self.forgot)
        if purpose not in tables:
            tables[purpose] = open_table(limit, self.clock, self.max_keys, self.forgot)
        return View(tables[purpose], limit)
