"""Limits that an expression says for each call.

There is a rule for each number of units, and all count together: what a call took under one limit is taken under the
others, too. Rules are made when their number is first said, and the oldest are forgotten when there are too many; the
counts are not theirs.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs
from apim_sdk import Clock, EvaluationError, Exchange, Expression, Headers, Limit, Reject
from apim_sdk.counting import NEVER

from apim_traffic.counter import MOST_LIMITS, Counters
from apim_traffic.keys import Key
from apim_traffic.rule import HeaderKind, Observers, Rule, Terms

__all__ = ["Dynamic", "DynamicRule", "DynamicTerms", "OnError"]

OnError = Literal["requests", "refuse", "fail"]


@attrs.frozen
class DynamicTerms(Terms):
    """Terms whose limit an expression says for each call; ``limit`` is the one of ``requests``."""

    units: Expression = attrs.field(kw_only=True)
    on_error: OnError = attrs.field(kw_only=True)
    limit_of: Callable[[int], Limit] = attrs.field(kw_only=True)
    """The limit of so many units. Raises ValueError where they cannot be counted."""


@attrs.frozen(kw_only=True, slots=False)
class Dynamic:
    """Options of a policy whose limit may be another one for each call."""

    dynamic_requests: Expression | None = None
    """How many requests may come through, in CEL, for each call anew and in place of `requests`: `int(claims.limit)`.
    All calls of a key count together, whatever their limits. With 0 or less none passes; fractions are cut off."""
    on_dynamic_error: OnError = "requests"
    """What becomes of calls for which that says no number, or has an error: `requests` counts them by the limit of
    `requests`, `refuse` refuses them with 429, `fail` answers 500."""

    def dynamic(self, terms: Terms, limit_of: Callable[[int], Limit]) -> Terms:
        """The terms of a rule, by these options."""
        if self.dynamic_requests is None:
            return terms
        given = {field.name: getattr(terms, field.name) for field in attrs.fields(Terms)}
        return DynamicTerms(**given, units=self.dynamic_requests, on_error=self.on_dynamic_error, limit_of=limit_of)


class DynamicRule(Rule):
    """Lets each call be judged by the rule of its limit. Its own is that of ``requests``."""

    __slots__ = ("_make", "_rules", "_undetermined", "counters")

    _terms: DynamicTerms

    def __init__(
        self,
        terms: DynamicTerms,
        key: Key,
        counters: Counters,
        clock: Clock,
        observers: Observers,
        make: Callable[..., Rule],
        undetermined: Callable[[], None],
    ) -> None:
        super().__init__(terms, key, counters.of(terms.limit), clock, observers)
        self.counters = counters
        self._make = make
        self._undetermined = undetermined
        self._rules: dict[int, Rule] = {}

    def apply(self, exchange: Exchange, cost: int = 1) -> Awaitable[None] | None:
        try:
            units = _whole(self._terms.units, exchange)
            rule = self._rules.get(units) or self._open(units)
        except EvaluationError:
            self._undetermined()
            if self._terms.on_error == "fail":
                raise
            units = self._terms.limit.units if self._terms.on_error == "requests" else 0
            rule = self._rules.get(units) or self._open(units)
        return rule.apply(exchange, cost)

    def _open(self, units: int) -> Rule:
        """The rule of so many units, 0 for none at all."""
        terms, rules = self._terms, self._rules
        if units:
            try:
                limit = terms.limit if units == terms.limit.units else terms.limit_of(units)
            except ValueError as error:
                raise EvaluationError(f"{terms.units.source}: {error}") from None
            given = {field.name: getattr(terms, field.name) for field in attrs.fields(Terms)}
            counter = self.counters.of(limit)
            rule = self._make(Terms(**{**given, "limit": limit}), self._key, counter, self._clock, self.observers)
        else:
            rule = _NoneAtAll(terms, self._key, self.counter, self._clock, self.observers)
        if len(rules) >= MOST_LIMITS:
            del rules[next(iter(rules))]
        rules[units] = rule
        return rule


class _NoneAtAll(Rule):
    """Refuses every call."""

    __slots__ = ()

    def apply(self, exchange: Exchange, cost: int = 1) -> Awaitable[None] | None:
        key = self._key(exchange)
        self._beyond(exchange, key, NEVER)
        return self._passed(exchange, key, 0)

    def _refusal(self, exchange: Exchange, key: str, wait: float) -> Reject:
        terms, headers = self._terms, Headers()
        self._describe(exchange, headers, key, ("ratelimit", *terms.headers))
        return Reject(
            terms.error,
            f"Your limit is 0 {terms.unit} in {terms.per}, so none passes",
            headers=dict(headers.items()),
        )

    def _describe(self, exchange: Exchange, headers: Headers, key: str, kinds: tuple[HeaderKind, ...]) -> None:
        if "ratelimit" in kinds:
            self._list(exchange, headers, ";q=0", ";r=0;t=0")
        if "x-ratelimit" in kinds:
            for name in ("Limit", "Remaining", "Reset"):
                headers.set(f"X-RateLimit-{name}", "0")


def _whole(expression: Expression, exchange: Exchange) -> int:
    """The whole units that an expression says; none for what is negative. Raises EvaluationError for no number."""
    value: Any = expression.evaluate(exchange)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise EvaluationError(f"{expression.source}: a limit is a number, not {value!r:.60}")
    return max(math.floor(value), 0)
