"""Protect a backend: limit what goes to it, whoever it is from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Exchange, Expression, KeyType, Response, Send, errors, state

from apim_traffic.limiting import Limiting, Rate, costly, units_of
from apim_traffic.rule import Step, in_turn
from apim_traffic.tries import Spawn, TryRule, attempt

__all__ = ["BackendLimit", "BackendRate"]


@attrs.frozen
class BackendRate(Rate):
    """So many requests, or units of a cost, in so much time."""

    cost: Expression | None = None
    """How many units a call costs, in CEL over the request; without it, one. With `settle` it takes one at least."""
    settle: Expression | None = None
    """How many units it has cost in the end, in CEL over variables and the heads of request and answer. A try that a
    `retry` follows up is settled by its own answer; where it had none, `cost` stays."""

    def __attrs_post_init__(self) -> None:
        self.limit()
        if self.settle is not None and self.settle.reads_body:
            raise ValueError("`settle` sees no body: let a policy put what it needs into a variable or a header")


@attrs.frozen
class BackendLimit(Limiting):
    """Lets as many calls go to the endpoint as it can take; what is more is answered with 503 and the code 900801.

    It counts calls that go to the endpoint from where it stands, all clients together: not those that a cache answers,
    and every try of a `retry` that stands before it, each by the cost of its own answer. Production and sandbox keys
    have endpoints, and so limits, of their own; who has no key counts as production.
    """

    example: ClassVar[Any] = {
        "production": [{"requests": 500, "per": "1s"}],
        "sandbox": [{"requests": 10, "per": "1s"}],
    }

    production: tuple[BackendRate, ...] = ()
    """Rates of calls with production keys, all of which must hold; without any there is no limit."""
    sandbox: tuple[BackendRate, ...] = ()
    """Rates of calls with sandbox keys."""
    _steps: Mapping[KeyType, Step] = state()
    _slot: str = state()
    _spawn: Spawn = state()

    async def start(self, context: Context) -> None:
        worlds: tuple[tuple[KeyType, tuple[BackendRate, ...]], ...] = (
            ("production", self.production),
            ("sandbox", self.sandbox),
        )
        self.hold(_slot=f"try {context.place}", _spawn=context.spawn)
        self.hold(
            _steps={
                world: in_turn(*[await self._step(context, world, rates, number) for number in range(len(rates))])
                for world, rates in worlds
                if rates
            }
        )

    async def _step(self, context: Context, world: KeyType, rates: tuple[BackendRate, ...], number: int) -> Step:
        rate = rates[number]
        name = self.name or "backend"
        error = errors.BACKEND_LIMIT_EXCEEDED
        terms = self.terms(name, rate.limit(self.count_refused), error, str(rate.per))
        kind = f"backend-limit {world} {number}"
        measure = None if rate.settle is None else partial(units_of, rate.settle)
        make = partial(TryRule, slot=self._slot, measure=measure)
        rule = await self.rule(context, kind, terms, lambda _: world, make)
        return costly(rule, rate.cost, 0 if measure is None else 1)

    async def around(self, exchange: Exchange, send: Send) -> Response:
        step = self._steps.get(exchange.key_type or "production")
        return await (send(exchange) if step is None else attempt(exchange, send, step, self._slot, self._spawn))

    def named(self, parts: Mapping[str, str]) -> str | None:
        return parts["key_type"] if set(parts) == {"key_type"} else None
