"""A table as one limit sees it, of several that count in it."""

from __future__ import annotations

from apim_sdk import Grant, Limit
from apim_sdk.counting import Key, Table

__all__ = ["View"]


class View(Table):
    """The keys are those of the table; each question goes by the limit of the view. The limits vary in units only."""

    __slots__ = ("_table",)

    def __init__(self, table: Table, limit: Limit) -> None:
        self.limit = limit
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def take(self, key: Key, cost: int = 1) -> float:
        return self._turned().take(key, cost)

    def grant(self, key: Key, least: int, most: int) -> Grant:
        return self._turned().grant(key, least, most)

    def settle(self, key: Key, units: int) -> None:
        self._turned().settle(key, units)

    def standing(self, key: Key) -> Grant:
        return self._turned().standing(key)

    def reset(self, key: Key) -> None:
        self._table.reset(key)

    def quiet(self) -> bool:
        return self._turned().quiet()

    def _turned(self) -> Table:
        table = self._table
        if table.limit is not self.limit:
            table.adopt(self.limit)
        return table
