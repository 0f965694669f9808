"""Limit how many bytes of bodies go through in a time."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Context, Duration, Exchange, Limit, Size, errors, state
from apim_sdk.counting import Algorithm

from apim_traffic.limiting import LEVELS, Keyed, long_enough
from apim_traffic.settling import SettledRule

__all__ = ["BandwidthLimit"]


@attrs.frozen
class BandwidthLimit(Keyed):
    """Lets calls through while there are bytes left; then they are refused with 429.

    The size of a body is known only when it is through. So a call needs `reserve` bytes to be left; what its request is
    said to have counts at once, and when the exchange is over the count is put right to what really went through, also
    of streams and of clients that went away. A call that is larger than what was left leaves a debt: those after it
    wait until it is worked off. Bodies count as they are on the wire to the client, without heads and framing.
    """

    example: ClassVar[Any] = {"bytes": "10MiB", "per": "1m", "key": "application"}

    bytes: Size = attrs.field(validator=attrs.validators.ge(Size(1)))
    """How many bytes may go through."""
    per: Duration = attrs.field(validator=long_enough)
    """In what time."""
    of: Literal["request", "response", "both"] = "both"
    """Whose bodies count."""
    reserve: Size = attrs.field(default=Size(1), validator=attrs.validators.ge(Size(1)))
    """How many bytes must be left for a call to come through."""
    algorithm: Algorithm = "gcra"
    """How bytes are counted. With `gcra` a debt is worked off at the rate of the limit; with `fixed-window` it is
    forgotten when the next window begins."""
    _limit: Limit = state()

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.reserve > self.bytes:
            raise ValueError(f"a `reserve` of {self.reserve} is more than the limit of {self.bytes} ever gives")
        self.hold(_limit=Limit(self.bytes, self.per, self.algorithm, count_refused=self.count_refused))

    async def start(self, context: Context) -> None:
        error = LEVELS.get(self.key, errors.CUSTOM_LIMIT_EXCEEDED)
        name = self.name or f"{self.label}-bandwidth"
        terms = self.terms(name, self._limit, error, str(self.per), "content-bytes")
        make = partial(SettledRule, measure=self._went_through, expect=self._said, spawn=context.spawn)
        rule = await self.rule(context, f"bandwidth-limit {self.key}", terms, self._key, make)
        self.hold(_apply=partial(rule.apply, cost=self.reserve))

    def _said(self, exchange: Exchange) -> int:
        """What the request is said to have; 0 where that is not known."""
        return 0 if self.of == "response" else exchange.request.body.length or 0

    def _went_through(self, exchange: Exchange) -> int:
        received = 0 if self.of == "response" else exchange.bytes_received
        return received if self.of == "request" else received + exchange.bytes_sent
