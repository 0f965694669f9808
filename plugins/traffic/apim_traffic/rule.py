"""A rule: one limit at work. It takes units for a call, refuses, tells how the client stands, and gives back.

A call that some limit refuses counts at none: what the limits before it took, they give back when the answer leaves.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal

import attrs
from apim_sdk import Clock, ErrorKind, Exchange, Fault, Headers, Limit, Reject, errors
from apim_sdk.counting import NEVER

from apim_traffic.counter import Counter
from apim_traffic.keys import Key

__all__ = ["HeaderKind", "Observers", "Rule", "Terms", "in_turn", "of_a_limit"]

HeaderKind = Literal["ratelimit", "x-ratelimit"]
Step = Callable[[Exchange], Awaitable[None] | None]

_LIMIT_CODES: Final = "9008"
"""How the codes of all refusals by a limit begin."""
_OVER_QUOTA: Final = "over_quota limits"
"""The variable of an exchange with the names of limits that it was beyond, and which its answer does not tell yet."""
_TOLD: Final = "told limits"
"""The variable of an exchange with the limits that `RateLimit` tells of, by the names that they have there."""
_LONGEST_WAIT: Final = 10 * 365 * 86_400
"""Seconds, ten years: later than that nobody is told to come again."""


@attrs.frozen
class Terms:
    """What a rule holds clients to."""

    name: str
    """What headers and logs call it."""
    limit: Limit
    error: ErrorKind
    per: str
    """The window in words, for people."""
    unit: str = "requests"
    stops: bool = True
    """Whether it refuses what is beyond the limit, or marks it only."""
    headers: tuple[HeaderKind, ...] = ()
    warn_at: float | None = None
    """The part of the limit from which on clients are warned."""


@attrs.frozen
class Observers:
    """Who is told of what happens at a rule."""

    refused: Callable[[], None]
    over_quota: Callable[[], None]
    warned: Callable[[str], None]
    """Given the key, once in each window."""
    unsettled: Callable[[], None]


class Rule:
    """See the module. ``apply`` is what a step does; ``counter`` is where it counts."""

    __slots__ = (
        "_clock",
        "_counts_refused",
        "_key",
        "_loud",
        "_policy",
        "_quiet",
        "_settle",
        "_take",
        "_tells",
        "_terms",
        "_threshold",
        "counter",
        "observers",
    )

    def __init__(self, terms: Terms, key: Key, counter: Counter, clock: Clock, observers: Observers) -> None:
        limit = terms.limit
        self.counter = counter
        self._terms = terms
        self._key = key
        self._take = counter.take
        self._settle = counter.settle
        self._clock = clock
        self.observers = observers
        self._counts_refused = limit.count_refused
        self._threshold = -1 if terms.warn_at is None else limit.most - math.ceil(limit.most * terms.warn_at)
        self._loud = bool(terms.headers) or terms.warn_at is not None or not terms.stops
        passes_on = type(self)._passed is not Rule._passed
        self._quiet = not (self._loud or self._counts_refused or passes_on)
        """Whether a call that comes through leaves nothing to do but what another limit's refusal asks for."""
        window = f";w={int(limit.seconds)}" if limit.seconds.is_integer() else ""
        unit = "" if terms.unit == "requests" else f';qu="{terms.unit}"'
        self._policy = f";q={limit.units}{unit}{window}"
        self._tells = "ratelimit" in terms.headers

    def apply(self, exchange: Exchange, cost: int = 1) -> Awaitable[None] | None:
        """Take units for a call. Raises Reject where there are too few; answers an awaitable where a store decides."""
        key = self._key(exchange)
        wait = self._take(key, cost)
        if self._quiet and wait == 0.0:
            exchange.if_faulted(partial(self._leave, key, cost))
            return None
        if not isinstance(wait, float):
            return self._await(exchange, key, cost, wait)
        if wait:
            self._beyond(exchange, key, wait)
            cost = 0
        return self._passed(exchange, key, cost)

    async def _await(self, exchange: Exchange, key: str, cost: int, pending: Awaitable[float]) -> None:
        wait = await pending
        if wait:
            self._beyond(exchange, key, wait)
            cost = 0
        settling = self._passed(exchange, key, cost)
        if settling is not None:
            await settling

    def _passed(self, exchange: Exchange, key: str, cost: int) -> Awaitable[None] | None:
        """The call has come through, and ``cost`` units were taken for it."""
        if self._tells:
            self._told(exchange)
        if self._loud:
            exchange.before_answer(partial(self._leave, key, cost))
        elif cost and not self._counts_refused:
            exchange.if_faulted(partial(self._leave, key, cost))
        return None

    def _beyond(self, exchange: Exchange, key: str, wait: float) -> None:
        """What is beyond the limit is refused, or marked."""
        terms = self._terms
        if terms.stops:
            self.observers.refused()
            raise self._refusal(exchange, key, wait)
        self.observers.over_quota()
        exchange.variables["over_quota"] = terms.name
        exchange.variables.setdefault(_OVER_QUOTA, set()).add(terms.name)

    def _leave(self, key: str, cost: int, exchange: Exchange) -> Awaitable[None] | None:
        """The answer leaves: give back what another limit's refusal made needless, and tell how the client stands."""
        pending = None
        if exchange.fault is not None and cost and self._needless(exchange):
            pending = self._settle(key, -cost)
            cost = 0
        if self._loud and exchange.response is not None:
            self._tell(exchange, exchange.response.headers, key, cost)
        return pending

    def _needless(self, exchange: Exchange) -> bool:
        """Whether a limit has refused the call, so that it does not count."""
        fault = exchange.fault
        return fault is not None and not self._counts_refused and of_a_limit(fault)

    def _tell(self, exchange: Exchange, headers: Headers, key: str, cost: int) -> None:
        terms = self._terms
        if terms.headers:
            self._describe(exchange, headers, key, terms.headers)
        if self._threshold >= 0 and cost and self.counter.standing(key).remaining <= self._threshold:
            headers.add("X-RateLimit-Warning", terms.name)
            self.observers.warned(key)
        if not terms.stops and terms.name in exchange.variables.get(_OVER_QUOTA, ()):
            exchange.variables[_OVER_QUOTA].discard(terms.name)  # which another limit of that name must not say again
            headers.add("X-Over-Quota", terms.name)

    def _refusal(self, exchange: Exchange, key: str, wait: float) -> Reject:
        terms = self._terms
        headers = Headers()
        fields: dict[str, Any] = {}
        if wait < NEVER:
            wait = min(wait, _LONGEST_WAIT)
            headers.set("Retry-After", str(math.ceil(wait)))
            again = datetime.fromtimestamp(math.ceil(self._clock.now() + wait), UTC)
            fields["nextAccessTime"] = f"{again:%Y-%b-%d %H:%M:%S%z} UTC"
        self._describe(exchange, headers, key, ("ratelimit", *terms.headers))
        return Reject(
            terms.error,
            f"You have exceeded your limit of {terms.limit.units} {terms.unit} in {terms.per}",
            headers=dict(headers.items()),
            fields=fields,
        )

    def _told(self, exchange: Exchange) -> str:
        """What `RateLimit` calls the limit: its name, with a number where limits before it have that already."""
        told: dict[str, Rule] = exchange.variables.setdefault(_TOLD, {})
        name, number = self._terms.name, 1
        while told.setdefault(name, self) is not self:
            number += 1
            name = f"{self._terms.name}-{number}"
        return name

    def _describe(self, exchange: Exchange, headers: Headers, key: str, kinds: tuple[HeaderKind, ...]) -> None:
        """Say how the key stands; of several limits, the older headers can only tell of the one with the least left."""
        standing = self.counter.standing(key)
        left, seconds = standing.remaining, math.ceil(standing.reset)
        if "ratelimit" in kinds:
            self._list(exchange, headers, self._policy, f";r={left};t={seconds}")
        if "x-ratelimit" in kinds and left <= _remaining(headers, left):
            headers.set("X-RateLimit-Limit", str(self._terms.limit.units))
            headers.set("X-RateLimit-Remaining", str(left))
            headers.set("X-RateLimit-Reset", str(seconds))

    def _list(self, exchange: Exchange, headers: Headers, policy: str, standing: str) -> None:
        """Add the limit to the lists that `RateLimit-Policy` and `RateLimit` are (RFC 9651, section 3.1)."""
        name = self._told(exchange)
        for field, parameters in (("RateLimit-Policy", policy), ("RateLimit", standing)):
            there = headers.get(field)
            member = f'"{name}"{parameters}'
            headers.set(field, member if there is None else f"{there}, {member}")


def of_a_limit(fault: Fault) -> bool:
    """Whether a limit has refused, so that what it refused counts nowhere."""
    return fault.kind.code.startswith(_LIMIT_CODES) or fault.kind is errors.LIMIT_UNDECIDED


def _remaining(headers: Headers, otherwise: int) -> int:
    """What an answer says already that is left; a backend may have said anything."""
    said = headers.get("X-RateLimit-Remaining", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 20 else otherwise


def in_turn(*steps: Step) -> Step:
    """One step out of several, each after the one before."""
    if len(steps) == 1:
        return steps[0]
    first, rest = steps[0], in_turn(*steps[1:])

    def both(exchange: Exchange) -> Awaitable[None] | None:
        pending = first(exchange)
        return rest(exchange) if pending is None else then(pending, exchange)

    async def then(pending: Awaitable[None], exchange: Exchange) -> None:
        await pending
        following = rest(exchange)
        if following is not None:
            await following

    return both
