"""Rules whose calls are paid for twice: what is expected beforehand, and the difference once it is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from apim_sdk import EvaluationError, Exchange

from apim_traffic.rule import Rule

__all__ = ["Measure", "SettledRule"]

Measure = Callable[[Exchange], int]
"""Raises EvaluationError where it cannot be told."""


class SettledRule(Rule):
    """A rule that settles: ``measure`` says what a call has used, ``expect`` what it will at least.

    It measures when the answer leaves; with ``spawn``, by which a store is told in the background, when all is over.
    """

    __slots__ = ("_expect", "_measure", "_spawn")

    def __init__(
        self,
        *arguments: Any,
        measure: Measure,
        expect: Measure | None = None,
        spawn: Callable[[Coroutine[Any, Any, None], str], None] | None = None,
    ) -> None:
        super().__init__(*arguments)
        self._loud = True  # every answer has something to settle
        self._measure = measure
        self._expect = expect
        self._spawn = spawn

    def _passed(self, exchange: Exchange, key: str, cost: int) -> Awaitable[None] | None:
        more = 0 if self._expect is None else max(self._expect(exchange) - cost, 0)
        super()._passed(exchange, key, cost + more)
        return self._settle(key, more) if more else None

    def _leave(self, key: str, cost: int, exchange: Exchange) -> Awaitable[None] | None:
        pending = None
        if self._spawn is not None:
            exchange.defer(partial(self._over, exchange, key, cost))
        elif exchange.response is None and not self._needless(exchange):  # the client went away: nobody knows
            self.observers.unsettled()
        else:
            pending = self._put_right(exchange, key, cost)
        if exchange.response is not None:
            self._tell(exchange, exchange.response.headers, key, 0 if self._needless(exchange) else cost)
        return pending

    def _over(self, exchange: Exchange, key: str, cost: int) -> None:
        pending = self._put_right(exchange, key, cost)
        if pending is not None and self._spawn is not None:
            self._spawn(_finished(pending), "settle")

    def _put_right(self, exchange: Exchange, key: str, cost: int) -> Awaitable[None] | None:
        """Take what was used beside ``cost``, or give back what was not; leave it where that cannot be told."""
        try:
            used = 0 if self._needless(exchange) else self._measure(exchange)
        except EvaluationError:
            self.observers.unsettled()
            return None
        return self._settle(key, used - cost) if used != cost else None


async def _finished(pending: Awaitable[None]) -> None:
    await pending
