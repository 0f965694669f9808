"""Limit how many requests come through in a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Exchange, Expression, Limit, errors

from apim_traffic.dynamic import Dynamic
from apim_traffic.events import Counted
from apim_traffic.limiting import LEVELS, Rate, costly
from apim_traffic.rule import Step

__all__ = ["Group", "RateLimit"]


@attrs.frozen(kw_only=True)
class Group(Rate):
    """The rate of those for whom a condition holds."""

    when: Expression
    """The condition in CEL."""


@attrs.frozen
class RateLimit(Rate, Dynamic, Counted):
    """Lets `requests` through at once, then as many in every `per`, evenly; what is more is refused with 429.

    The limit is exact: in any time t no more than burst + t * requests / per come through. What was refused, here or by
    a limit further on, does not count. Every place in the configuration counts apart, and keeps counting when the
    configuration is loaded again.
    """

    example: ClassVar[Any] = {"requests": 100, "per": "1s", "key": "application"}

    cost: Expression | None = None
    """How many of the requests a call counts for, in CEL; without it, one. Nothing is counted for a cost of 0."""
    groups: tuple[Group, ...] = ()
    """Other rates for some: the first group whose condition holds counts the call in place of the rate above, with the
    same key, by itself. `dynamic_requests` is none of theirs."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        for rate in (self, *self.groups):
            rate.limit()

    async def start(self, context: Context) -> None:
        otherwise = await self._step(context, f"rate-limit {self.key}", self)
        groups = [(group.when.evaluate, await self._step(context, _kind(group), group)) for group in self.groups]
        self.hold(_apply=_first(groups, otherwise) if groups else otherwise)

    async def _step(self, context: Context, kind: str, rate: Rate) -> Step:
        error = LEVELS.get(self.key, errors.CUSTOM_LIMIT_EXCEEDED)
        terms = self.terms(self.label, rate.limit(self.count_refused), error, str(rate.per))
        if rate is self:
            terms = self.dynamic(terms, self._limit_of)
        rule = await self.rule(context, kind, terms, self._key)
        return costly(rule, self.cost)

    def _limit_of(self, requests: int) -> Limit:
        return Rate(requests, self.per, self.burst, self.algorithm).limit(self.count_refused)


def _first(groups: list[tuple[Callable[[Exchange], Any], Step]], otherwise: Step) -> Step:
    """The step of the first group whose condition holds."""

    def apply(exchange: Exchange) -> Awaitable[None] | None:
        for holds, step in groups:
            if holds(exchange) is True:
                return step(exchange)
        return otherwise(exchange)

    return apply


def _kind(group: Group) -> str:
    """What tells a group from the others: its condition, so that counts stay with it when groups are put in order."""
    return f"rate-limit group {blake2b(group.when.source.encode(), digest_size=8).hexdigest()}"
