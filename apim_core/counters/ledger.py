"""The tables in which a supervisor counts for its workers.

What counts together is known by its name and its way to count (algorithm, window). How many units there are is no part
of that, so counts go on when a reload changes it; the limit that was declared last is the one that holds. Where limits
vary, each question goes by its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

from apim_sdk import Limit
from apim_sdk.context import Clock
from apim_sdk.counting import Table, open_table

__all__ = ["Counted", "Ledger"]

_MOST_TABLES: Final = 200_000


class Counted:
    """One counter; ``table`` is None once the ledger has let go of it, because all its keys were idle."""

    __slots__ = ("identity", "limit", "name", "table")

    def __init__(self, identity: Hashable, name: str, limit: Limit, table: Table) -> None:
        self.identity = identity
        self.name = name
        self.limit = limit
        self.table: Table | None = table


class Ledger:
    """Counters by what they count, at most ``size`` keys each. Belongs to one event loop.

    Each new counter looks at two of the oldest: those in which every key is idle leave, others go to the end. Where
    there are too many in use, the oldest is forgotten.
    """

    def __init__(self, clock: Clock, size: int, most: int = _MOST_TABLES) -> None:
        self._clock = clock
        self._size = size
        self._most = most
        self._counted: dict[Hashable, Counted] = {}
        self._order: deque[Counted] = deque()
        self.decisions = 0
        """Questions that were answered."""
        self.forgotten = 0
        """Keys that were forgotten while they were in use, because there were too many."""

    def __len__(self) -> int:
        return len(self._counted)

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return sum(len(each.table) for each in self._counted.values() if each.table is not None)

    def declare(self, name: str, limit: Limit) -> Counted:
        """The counter of that name and window, which from now on has this limit."""
        by_the_calendar = (limit.calendar, str(limit.zone)) if limit.calendar is not None else None
        identity = (name, limit.algorithm, limit.seconds, by_the_calendar, limit.varying)
        found = self._counted.get(identity)
        if found is None:
            found = self._open(identity, name, limit)
        elif found.limit != limit:
            found.limit = limit
            assert found.table is not None, "what is in the ledger has a table"
            found.table.adopt(limit)
        return found

    def again(self, counted: Counted) -> Counted:
        """The counter in place of one that the ledger had let go of."""
        found = self._counted.get(counted.identity)
        return self._open(counted.identity, counted.name, counted.limit) if found is None else found

    def _open(self, identity: Hashable, name: str, limit: Limit) -> Counted:
        for _ in range(min(2, len(self._order))):
            oldest = self._order.popleft()
            assert oldest.table is not None, "what is in the ledger has a table"
            if oldest.table.quiet() or len(self._counted) >= self._most:
                self.forgotten += 0 if oldest.table.quiet() else len(oldest.table)
                del self._counted[oldest.identity]
                oldest.table = None
            else:
                self._order.append(oldest)
        table = open_table(limit, self._clock, self._size, self._forgot)
        counted = self._counted[identity] = Counted(identity, name, limit, table)
        self._order.append(counted)
        return counted

    def _forgot(self) -> None:
        self.forgotten += 1
