"""Rules of what goes to a backend: every try is charged by itself, and by its own answer.

A `retry` in front of the limit makes several tries of one call. A try that is followed by another is put right when
that begins, by the answer that it had; the last one when the answer to the client leaves, by that. What a try took is
given back only where a limit refused that very try, so that it did not reach the backend.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from apim_sdk import EvaluationError, Exchange, Fault, Response, Send

from apim_traffic.rule import Rule, Step, of_a_limit
from apim_traffic.settling import Measure

__all__ = ["Spawn", "Try", "TryRule", "attempt"]

Spawn = Callable[[Coroutine[Any, Any, None], str], None]


class Try:
    """One try of a call; ``over`` once another has begun. Rules note here what they took for it."""

    __slots__ = ("charges", "over", "refused", "response")

    def __init__(self) -> None:
        self.charges: list[tuple[TryRule, str, int]] = []
        self.response: Response | None = None
        self.refused = False
        """Whether a limit refused it, here or further on."""
        self.over = False

    def end(self, exchange: Exchange, spawn: Spawn) -> None:
        """Another try begins: put right what this one took. Stores are told in the background."""
        self.over = True
        now, exchange.response = exchange.response, self.response
        try:
            for rule, key, cost in self.charges:
                pending = rule.put_right(self, exchange, key, cost)
                if pending is not None:
                    spawn(_finished(pending), "settle")
        finally:
            exchange.response = now


class TryRule(Rule):
    """A rule that charges tries. ``slot`` is the variable of an exchange that holds its last one; ``measure`` says what
    a try has used, and without it ``cost`` is that."""

    __slots__ = ("_measure", "_slot")

    def __init__(self, *arguments: Any, slot: str, measure: Measure | None) -> None:
        super().__init__(*arguments)
        self._slot = slot
        self._measure = measure

    def _passed(self, exchange: Exchange, key: str, cost: int) -> Awaitable[None] | None:
        made: Try = exchange.variables[self._slot]
        made.charges.append((self, key, cost))
        if self._tells:
            self._told(exchange)
        exchange.before_answer(partial(self._answered, made, key, cost))
        return None

    def _answered(self, made: Try, key: str, cost: int, exchange: Exchange) -> Awaitable[None] | None:
        """The answer to the client leaves."""
        if made.over:
            return None
        pending = self.put_right(made, exchange, key, cost)
        if exchange.response is not None:
            self._tell(exchange, exchange.response.headers, key, 0 if made.refused else cost)
        return pending

    def put_right(self, made: Try, exchange: Exchange, key: str, cost: int) -> Awaitable[None] | None:
        """Take what a try used beside ``cost``, or give back what it did not; leave it where that cannot be told."""
        if made.refused:
            return self._settle(key, -cost) if cost and not self._counts_refused else None
        if self._measure is None:
            return None
        if exchange.response is None:  # the backend did not answer, or the client went away: nobody knows
            self.observers.unsettled()
            return None
        try:
            used = self._measure(exchange)
        except EvaluationError:
            self.observers.unsettled()
            return None
        return self._settle(key, used - cost) if used != cost else None


async def attempt(exchange: Exchange, send: Send, step: Step, slot: str, spawn: Spawn) -> Response:
    """Make one try that ``step`` charges. Raises Fault, as ``send`` does."""
    before: Try | None = exchange.variables.get(slot)
    if before is not None:
        before.end(exchange, spawn)
    made = exchange.variables[slot] = Try()
    try:
        pending = step(exchange)
        if pending is not None:
            await pending
        made.response = await send(exchange)
    except Fault as fault:
        made.refused = of_a_limit(fault)
        raise
    return made.response


async def _finished(pending: Awaitable[None]) -> None:
    await pending
