"""Exact: every decision is a question to the store.

**Theory.** The store takes the units of one call at a time, by its own clock; so the limit holds as it does in one
process, however many ask and whatever their clocks say.

**Cost.** Each call waits for the store: a round trip, and the work of one question in this process and there. Questions
of callers that wait at the same time travel together.

**Bound.** allowed <= limit. An answer that is lost was perhaps counted: then less passes, never more.
"""

from __future__ import annotations

from collections.abc import Awaitable

from apim_sdk import Grant
from apim_sdk.counting import NEVER, Key

from apim_traffic.modes.keys import Keys, text_of
from apim_traffic.modes.mode import Mode
from apim_traffic.modes.parts import Parts
from apim_traffic.modes.standing import Standing

__all__ = ["Exact"]


class Exact(Mode):
    """Asks for each call."""

    bound = "allowed <= limit"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._standings: Keys[Standing] = Keys(parts.max_keys, lambda: None)  # to tell clients: no count is lost

    def take(self, key: Key, cost: int = 1) -> float | Awaitable[float]:
        if cost > self.limit.most:
            return NEVER
        return self._fallback.take(key, cost) if self._link.away else self._take(key, cost)

    async def _take(self, key: Key, cost: int) -> float:
        asked = self._monotonic()
        try:
            grant = await self._link.ask(self._timeout, self._counter.grant, text_of(key), cost, cost)
        except OSError:
            return self._fallback.take(key, cost)
        self.learned(key, grant, asked)
        return grant.wait

    def learned(self, key: Key, grant: Grant, asked: float) -> None:
        standing = self._standings.get(key)
        if standing is None:
            standing = Standing()
            self._standings.enter(key, standing, asked)
        standing.note(grant, asked)

    def known(self, key: Key) -> Grant:
        standing = self._standings.get(key) or _UNKNOWN
        return standing.tell(self.limit, self._monotonic())

    def forget(self, key: Key) -> None:
        standing = self._standings.get(key)
        if standing is not None:
            standing.remaining = None


_UNKNOWN = Standing()
