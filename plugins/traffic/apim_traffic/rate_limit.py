"""Limit how many requests come through in a time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Hashable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

import attrs
from apim_sdk import (
    Clock,
    Context,
    Duration,
    ErrorKind,
    Exchange,
    Expression,
    HeaderField,
    Headers,
    Limit,
    Policy,
    Reject,
    errors,
    state,
)

from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.keys import PRESETS, Key, key_of

__all__ = ["RateLimit"]

_KINDS: Final[Mapping[str, ErrorKind]] = MappingProxyType(
    {
        "api": errors.API_LIMIT_EXCEEDED,
        "operation": errors.OPERATION_LIMIT_EXCEEDED,
        "application": errors.APPLICATION_LIMIT_EXCEEDED,
        "subscription": errors.SUBSCRIPTION_LIMIT_EXCEEDED,
    }
)


def _long_enough(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value < 0.001:
        raise ValueError("it must be 1ms or longer")


@attrs.frozen
class RateLimit(Counting, Policy):
    """Lets `requests` through at once, then as many in every `per`, evenly; what is more is refused with 429.

    The limit is exact: in any time t no more than burst + t * requests / per come through, and what was refused does
    not count. Each process counts for itself. Every place in the configuration counts apart, and keeps counting when
    the configuration is loaded again.
    """

    example: ClassVar[Any] = {"requests": 100, "per": "1s", "key": "application"}

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    """How many requests may come through."""
    per: Duration = attrs.field(validator=_long_enough)
    """In what time."""
    burst: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """How many may come at once after a quiet time; without it, as many as `requests`."""
    key: str = "subscription"
    """What is counted together: `api`, `operation`, `plan`, `application`, `subscription`, `ip` (of IPv6 the /64),
    `principal.subject`, or a CEL expression such as `request.headers["x-tenant"]`. Where there is no application,
    subscription or subject, each client address counts by itself."""
    headers: tuple[Literal["ratelimit", "x-ratelimit"], ...] = ()
    """Headers that tell clients on every answer how they stand: `ratelimit` for `RateLimit` and `RateLimit-Policy`
    (IETF draft ratelimit-headers), `x-ratelimit` for the older `X-RateLimit-Limit`, `-Remaining` and `-Reset` in
    seconds. A refusal always has `Retry-After`, and the first of these."""
    _expression: Expression | None = state()
    _key: Key = state()
    _kind: ErrorKind = state()
    _counter: Counter = state()
    _clock: Clock = state()
    _policy: HeaderField = state()
    _limit: str = state()
    _slot: str = state()

    def __attrs_post_init__(self) -> None:
        preset = PRESETS.get(self.key)
        expression = None if preset else Expression(self.key)
        name = self.key if preset else "custom"
        window = f";w={int(self.per)}" if self.per.is_integer() else ""
        self.hold(
            _expression=expression,
            _key=preset if expression is None else key_of(expression),
            _kind=_KINDS.get(self.key, errors.CUSTOM_LIMIT_EXCEEDED),
            _policy=HeaderField("RateLimit-Policy", f'"{name}";q={self.requests}{window}'),
            _limit=f'"{name}";r=%d;t=%d',
        )

    async def start(self, context: Context) -> None:
        limit = Limit(self.requests, self.per, burst=self.burst or self.requests)
        counter = await open_counter(context, f"rate-limit {self.key}", limit, self)
        self.hold(_counter=counter, _clock=context.clock, _slot=f"rate-limit {context.place}")

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        key = self._key(exchange)
        wait = self._counter.take(key)
        if isinstance(wait, float):
            self._decide(exchange, key, wait)
            return None
        return self._wait(exchange, key, wait)

    async def _wait(self, exchange: Exchange, key: Hashable, pending: Awaitable[float]) -> None:
        self._decide(exchange, key, await pending)

    def _decide(self, exchange: Exchange, key: Hashable, wait: float) -> None:
        if wait:
            raise self._refusal(key, wait)
        if self.headers:
            exchange.variables[self._slot] = key

    def after(self, exchange: Exchange) -> None:
        if self.headers and exchange.response is not None:
            self._tell(exchange.response.headers, exchange.variables[self._slot], self.headers)

    def _refusal(self, key: Hashable, wait: float) -> Reject:
        headers = Headers([("Retry-After", str(math.ceil(wait)))])
        self._tell(headers, key, ("ratelimit", *self.headers))
        again = datetime.fromtimestamp(math.ceil(self._clock.now() + wait), UTC)
        return Reject(
            self._kind,
            f"You have exceeded your limit of {self.requests} requests in {self.per}",
            headers=dict(headers.items()),
            fields={"nextAccessTime": f"{again:%Y-%b-%d %H:%M:%S%z} UTC"},
        )

    def _tell(self, headers: Headers, key: Hashable, kinds: tuple[str, ...]) -> None:
        """Say how the key stands; of several limits, the older headers can only tell of the one with the least left."""
        standing = self._counter.standing(key)
        left, seconds = standing.remaining, math.ceil(standing.reset)
        if "ratelimit" in kinds:
            headers.append(self._policy)
            headers.add("RateLimit", self._limit % (left, seconds))
        if "x-ratelimit" in kinds and left <= int(headers.get("X-RateLimit-Remaining", str(left))):
            headers.set("X-RateLimit-Limit", str(self.requests))
            headers.set("X-RateLimit-Remaining", str(left))
            headers.set("X-RateLimit-Reset", str(seconds))
