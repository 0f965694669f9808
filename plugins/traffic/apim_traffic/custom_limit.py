"""Limit anything by anything: a key out of a template, a cost out of an expression."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, Exchange, Expression, Limit, Template, errors, state
from apim_sdk.counting import Algorithm

from apim_traffic.keys import Key, short
from apim_traffic.limiting import Limiting, costly, long_enough, units_of
from apim_traffic.rule import Rule
from apim_traffic.settling import SettledRule

__all__ = ["CustomLimit"]


@attrs.frozen
class CustomLimit(Limiting):
    """Lets `units` through for each value of a key; what is more is refused with 429 and the code 900806.

    What a call costs may be known beforehand (`cost`), afterwards (`settle`), or be guessed and then put right: `cost`
    is taken first, and the difference to `settle` when the answer leaves. Where `settle` has an error, `cost` stays.
    """

    example: ClassVar[Any] = {
        "key": "{{ application.id }}:{{ request.headers['x-model'] }}",
        "units": 100_000,
        "per": "1m",
        "cost": "1000",
        "settle": "int(response.headers['x-tokens-used'])",
    }

    key: Template
    """What is counted together, such as `{{ api.context }}:{{ client.address }}`."""
    units: int = attrs.field(validator=attrs.validators.ge(1))
    """How many units may come through."""
    per: Duration = attrs.field(validator=long_enough)
    """In what time."""
    burst: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """How many units may come at once after a quiet time, with `gcra`; without it, as many as `units`."""
    algorithm: Algorithm = "gcra"
    """How they are counted; see `rate-limit`."""
    cost: Expression | None = None
    """How many units a call costs, in CEL over the request; without it, one. Nothing is counted for a cost of 0; but
    with `settle` one unit is taken, so that a call needs one to be left."""
    settle: Expression | None = None
    """How many units it has cost in the end, in CEL over variables and the heads of request and answer. Fractions are
    rounded up. Of a client that went away before there was an answer, `cost` stays taken."""
    _limit: Limit = state()

    def __attrs_post_init__(self) -> None:
        if self.settle is not None and self.settle.reads_body:
            raise ValueError("`settle` sees no body: let a policy put what it needs into a variable or a header")
        burst = self.units if self.burst is None else self.burst
        self.hold(_limit=Limit(self.units, self.per, self.algorithm, burst=burst, count_refused=self.count_refused))

    async def start(self, context: Context) -> None:
        name = self.name or "custom"
        terms = self.terms(name, self._limit, errors.CUSTOM_LIMIT_EXCEEDED, str(self.per), "units")
        rule = await self.rule(context, "custom-limit", terms, _rendered(self.key), settled(self.settle))
        self.hold(_apply=costly(rule, self.cost, 0 if self.settle is None else 1))

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        return self._apply(exchange)

    def named(self, parts: Mapping[str, str]) -> str | None:
        return short(parts["value"]) if set(parts) == {"value"} else None


def settled(settle: Expression | None) -> Any:
    """What makes the rule: one that settles by an expression, or a plain one."""
    return Rule if settle is None else partial(SettledRule, measure=partial(units_of, settle))


def _rendered(template: Template) -> Key:
    render = template.render
    return lambda exchange: short(render(exchange))
