"""What becomes of calls while the counter store is away.

``local`` counts in a table of this process, against its share of the limit: the limit over as many processes as counted
with the store when that was last known. What is let through so is told to the store when it is back. All processes
together then let at most one more limit through in a window in which the store goes away, or comes back, than without
that: what the store had given before, and every share once. A share is one unit at least.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Final

import attrs
from apim_sdk import Grant, Limit, Reject, errors
from apim_sdk.counting import Key, Table

from apim_traffic.modes.keys import text_of
from apim_traffic.modes.parts import Parts

__all__ = ["Fallback"]

_AT_ONCE: Final = 100
"""Keys of which the store is told at the same time."""


class Fallback:
    """Decides without the store."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._link = parts.link
        self._table: Table | None = None
        self._members = 0
        self._owed: dict[Key, int] = {}
        """Units by key that the store has not been told of."""

    def take(self, key: Key, cost: int) -> float:
        """As ``Counter.take``. Raises Reject where nothing may pass that is not counted."""
        parts = self._parts
        parts.undecided()
        if parts.on_store_error == "closed":
            raise Reject(errors.LIMIT_UNDECIDED, headers={"Retry-After": "1"})
        if parts.on_store_error == "open":
            return 0.0
        wait = self._share().take(key, cost)
        if not wait:
            self._note(key, cost)
        return wait

    def owe(self, key: Key, units: int) -> None:
        """Take units that are to be taken anyhow, and tell the store when it is back.

        Where the process does not count, and for units that are given back, nothing is remembered.
        """
        if units > 0 and self._parts.on_store_error == "local":
            self._share().settle(key, units)
            self._note(key, units)

    def _note(self, key: Key, units: int) -> None:
        if key not in self._owed and len(self._owed) >= self._parts.max_keys:
            self._parts.forgot()
            return
        self._owed[key] = self._owed.get(key, 0) + units
        self._link.when_back(self._settle)

    def standing(self, key: Key) -> Grant | None:
        """How a key stands in this process; None where it does not count."""
        return self._share().standing(key) if self._parts.on_store_error == "local" else None

    def reset(self, key: Key) -> None:
        """Make a key as good as new."""
        self._owed.pop(key, None)
        if self._table is not None:
            self._table.reset(key)

    def _share(self) -> Table:
        """The table, for as many processes as count together now."""
        members, table = self._link.members, self._table
        if table is None:
            table = self._table = self._parts.table("alone", share_of(self._parts.limit, members))
        elif members != self._members:  # what was taken stays taken
            table.adopt(share_of(self._parts.limit, members))
        self._members = members
        return table

    async def _settle(self) -> None:
        """Tell the store what it was not told, as far as that still counts."""
        while self._owed:
            keys = tuple(islice(self._owed, _AT_ONCE))
            await asyncio.gather(*(self._tell(key, self._owed.pop(key)) for key in keys))
            if self._link.away:
                return

    async def _tell(self, key: Key, units: int) -> None:
        share = self._share()
        units = min(units, share.limit.most - share.standing(key).remaining)
        if not units:
            return
        parts = self._parts
        try:
            await self._link.ask(parts.timeout, parts.counter.settle, text_of(key), units)
        except OSError:
            self._note(key, units)


def share_of(limit: Limit, members: int) -> Limit:
    """The part of a limit that one of several processes may let through by itself."""
    units, burst = max(limit.units // members, 1), max(limit.burst // members, 1)
    return attrs.evolve(limit, units=units, burst=burst if limit.algorithm == "gcra" else units)
