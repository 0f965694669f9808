"""What the policies that limit have in common: their options, and how their rules come to be.

Each rule counts at a place of its own: no two steps, and no two rules of one step, ever share a count.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import attrs
from apim_sdk import Context, Duration, ErrorKind, Exchange, Expression, Limit, Policy, errors, state
from apim_sdk.counting import Algorithm, open_table

from apim_traffic.counter import Counting, open_counter, open_counters
from apim_traffic.dynamic import DynamicRule, DynamicTerms
from apim_traffic.keys import PARTS, Key, key_of, named_key, reset_of
from apim_traffic.rule import HeaderKind, Observers, Rule, Step, Terms

__all__ = ["BURSTS", "LEVELS", "Keyed", "Limiting", "Rate", "costly", "long_enough", "units_of"]

LEVELS: Final[Mapping[str, ErrorKind]] = {
    "api": errors.API_LIMIT_EXCEEDED,
    "operation": errors.OPERATION_LIMIT_EXCEEDED,
    "application": errors.APPLICATION_LIMIT_EXCEEDED,
    "application-user": errors.APPLICATION_LIMIT_EXCEEDED,
    "subscription": errors.SUBSCRIPTION_LIMIT_EXCEEDED,
}
"""The error of a limit by its key; that of any other is CUSTOM_LIMIT_EXCEEDED."""
BURSTS: Final[Mapping[str, ErrorKind]] = {
    "application": errors.APPLICATION_BURST_EXCEEDED,
    "application-user": errors.APPLICATION_BURST_EXCEEDED,
}
"""The error of a burst by its key; that of any other is SUBSCRIPTION_BURST_EXCEEDED."""
_NAME: Final = re.compile(r"[A-Za-z0-9._~*/-]{1,64}")


def long_enough(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    """A validator: a window is a millisecond or longer."""
    if value < 0.001:
        raise ValueError("it must be 1ms or longer")


def units_of(expression: Expression, exchange: Exchange) -> int:
    """How many units a call costs: what an expression says, rounded up, and none if that is negative."""
    value = expression.evaluate(exchange)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**40:
        raise errors.EvaluationError(f"{expression.source}: a cost is a number, not {value!r:.60}")
    return max(-int(-value // 1), 0)


def costly(rule: Rule, cost: Expression | None, least: int = 0) -> Step:
    """A step that takes as many units as an expression says, ``least`` at least; one without it, and nothing for 0."""
    if cost is None:
        return rule.apply

    def apply(exchange: Exchange) -> Awaitable[None] | None:
        units = max(units_of(cost, exchange), least)
        return rule.apply(exchange, units) if units else None

    return apply


@attrs.frozen(slots=False)
class Rate:
    """So many requests in so much time."""

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    """How many requests may come through."""
    per: Duration = attrs.field(validator=long_enough)
    """In what time."""
    burst: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """How many may come at once after a quiet time, with `gcra`; without it, as many as `requests`."""
    algorithm: Algorithm = "gcra"
    """How it is counted: `gcra` lets units in evenly, `sliding-window` estimates any span of the length with two
    counts, `sliding-log` remembers every call, `fixed-window` begins with the first call."""

    def limit(self, count_refused: bool = False) -> Limit:
        """The limit. Raises ValueError for what cannot be counted so."""
        burst = self.requests if self.burst is None else self.burst
        return Limit(self.requests, self.per, self.algorithm, burst=burst, count_refused=count_refused)


@attrs.frozen(kw_only=True, slots=False)
class Limiting(Counting, Policy):
    """Options and rules of every policy that limits."""

    count_refused: bool = False
    """Whether a call that is refused counts, too, so that whoever does not wait is kept out for longer."""
    stop_on_quota: bool = True
    """Whether what is beyond the limit is refused. With `false` it comes through, marked by the variable `over_quota`
    and the header `X-Over-Quota` of the answer, both the name of the limit."""
    warn_at: float | None = attrs.field(
        default=None,
        validator=attrs.validators.optional((attrs.validators.ge(0), attrs.validators.lt(1))),
    )
    """From which part of the limit on, such as 0.8, answers carry `X-RateLimit-Warning` with its name. The first in
    each window is also logged and counted."""
    headers: tuple[HeaderKind, ...] = ()
    """Headers that tell clients on every answer how they stand: `ratelimit` for `RateLimit` and `RateLimit-Policy`
    (IETF draft ratelimit-headers), `x-ratelimit` for the older `X-RateLimit-Limit`, `-Remaining` and `-Reset` in
    seconds. A refusal always has `Retry-After`, and the first of these."""
    name: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.matches_re(_NAME))
    )
    """What headers and logs call the limit; without it, a word made of its key. Of limits of the same name that a call
    passes, `RateLimit` has the second as `name-2`, and so on."""
    _rules: dict[str, Rule] = state()
    _apply: Step = state()

    def terms(self, name: str, limit: Limit, error: ErrorKind, per: str, unit: str = "requests") -> Terms:
        """What a rule of this policy holds clients to."""
        return Terms(name, limit, error, per, unit, self.stop_on_quota, self.headers, self.warn_at)

    async def rule(self, context: Context, kind: str, terms: Terms, key: Key, make: Callable[..., Rule] = Rule) -> Rule:
        """Open a rule, which ``kind`` tells from the others of this policy; ``make`` takes what ``Rule`` takes."""
        observers = self._observers(context, terms)
        if isinstance(terms, DynamicTerms):
            rule = await self._dynamic_rule(context, kind, terms, key, make, observers)
        else:
            counter = await open_counter(context, kind, terms.limit, self)
            rule = make(terms, key, counter, context.clock, observers)
        if self._rules is None:
            context.offer("reset-limit", partial(self._reset, context.place))
        self.hold(_rules={**(self._rules or {}), kind: rule})
        return rule

    async def _dynamic_rule(
        self,
        context: Context,
        kind: str,
        terms: DynamicTerms,
        key: Key,
        make: Callable[..., Rule],
        observers: Observers,
    ) -> Rule:
        place, name = context.place, "apim_limit_undetermined_total"
        failed = context.metrics.counter(name, "Calls whose limit an expression could not tell", ("place",))
        counters = await open_counters(context, kind, terms.limit, self)
        return DynamicRule(terms, key, counters, context.clock, observers, make, lambda: failed(place))

    def _observers(self, context: Context, terms: Terms) -> Observers:
        place, log, count, limit = context.place, context.log, context.metrics.counter, terms.limit
        refused = count("apim_limit_refused_total", "Calls that a limit refused", ("place",))
        over = count("apim_limit_over_quota_total", "Calls beyond a limit that came through, marked", ("place",))
        warned = count("apim_limit_warnings_total", "Keys that came near a limit, once in each window", ("place",))
        unsettled = count("apim_limit_unsettled_total", "Calls whose cost in the end could not be told", ("place",))
        once = open_table(
            Limit(1, limit.seconds, "fixed-window", calendar=limit.calendar, zone=limit.zone), context.clock, 10_000
        )

        def warn(key: str) -> None:
            if once.take(key) == 0.0:
                warned(place)
                log.warning("a limit is nearly reached", limit=terms.name, key=key)

        return Observers(lambda: refused(place), lambda: over(place), warn, lambda: unsettled(place))

    def named(self, parts: Mapping[str, str]) -> str | None:
        """The key that ``parts`` describe, such as ``{"application": "a1"}``; None where they describe no key of it."""
        raise NotImplementedError(f"{type(self).__name__} must define named()")

    async def _reset(self, place: str, arguments: Mapping[str, Any]) -> bool:
        """The action ``reset-limit``: make a key as good as new in every rule. Raises ValueError and OSError."""
        wanted, parts = reset_of(arguments)
        key = self.named(parts) if not wanted or place == wanted or place.startswith(f"{wanted}/") else None
        if key is None:
            return False
        for rule in self._rules.values():
            pending = (rule.counters if isinstance(rule, DynamicRule) else rule.counter).reset(key)
            if pending is not None:
                await pending
        return True


@attrs.frozen(kw_only=True, slots=False)
class Keyed(Limiting):
    """A policy that limits, and whose calls are counted by a key that has a name, or by an expression."""

    key: str = "subscription"
    """What is counted together: `api`, `operation`, `plan`, `application`, `application-user` (each user of each
    application), `subscription`, `ip`, `principal.subject`, or a CEL expression such as `request.headers["x-tenant"]`.
    Where there is no application, subscription or subject, each client address counts by itself."""
    ipv6_prefix: int = attrs.field(default=64, validator=(attrs.validators.ge(1), attrs.validators.le(128)))
    """How many leading bits of an IPv6 address count as one client; a subscriber holds at least a /64."""
    _expression: Expression | None = state()
    _key: Key = state()

    def __attrs_post_init__(self) -> None:
        expression = None if self.key in PARTS else Expression(self.key)
        self.hold(_expression=expression, _key=key_of(expression or self.key, self.ipv6_prefix))

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        return self._apply(exchange)

    @property
    def label(self) -> str:
        """What headers call a limit of this key."""
        return self.name or (self.key if self.key in PARTS else "custom")

    def named(self, parts: Mapping[str, str]) -> str | None:
        return named_key(self.key, parts, self.ipv6_prefix)
