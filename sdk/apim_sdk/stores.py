"""Where state lives: stores of values, and counters of limits."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar

import attrs

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["CounterStore", "Decision", "Rate", "Store"]


@attrs.frozen
class Rate:
    """So many units in so many seconds, of which ``burst`` may come at once."""

    units: int
    seconds: float
    burst: int


class Decision:
    """What a counter says to one call.

    ``remaining`` units are left now, ``reset`` seconds until the whole burst is free again, ``retry_after`` seconds
    until this call would pass (0.0 if it did).
    """

    __slots__ = ("allowed", "remaining", "reset", "retry_after")

    def __init__(self, allowed: bool, remaining: int, reset: float, retry_after: float) -> None:
        self.allowed = allowed
        self.remaining = remaining
        self.reset = reset
        self.retry_after = retry_after


class CounterStore(Plugin):
    """Counts calls against rates; shared by whoever uses the same store."""

    kind: ClassVar[str] = "counter store"

    def take(self, key: str, rate: Rate, cost: int = 1) -> Decision | Awaitable[Decision]:
        """Take ``cost`` units of ``key``, or none if they are not all there."""
        raise NotImplementedError(f"{type(self).__name__} must define take()")

    @hookimpl
    @classmethod
    def apim_register_counter_store(cls) -> type[CounterStore]:
        """Register the class itself."""
        return cls


class Store(Plugin):
    """Keeps values by key."""

    kind: ClassVar[str] = "store"

    async def get(self, key: str) -> bytes | None:
        """The value, None if there is none or it has expired."""
        raise NotImplementedError(f"{type(self).__name__} must define get()")

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        """Keep a value, for ``expires_in`` seconds if given."""
        raise NotImplementedError(f"{type(self).__name__} must define put()")

    async def delete(self, key: str) -> None:
        """Forget a value, if there is one."""
        raise NotImplementedError(f"{type(self).__name__} must define delete()")

    @hookimpl
    @classmethod
    def apim_register_store(cls) -> type[Store]:
        """Register the class itself."""
        return cls
