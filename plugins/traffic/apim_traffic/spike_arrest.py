"""Smooth what comes: no more in a short moment than its part of the rate."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, Limit, errors

from apim_traffic.dynamic import Dynamic
from apim_traffic.events import Counted
from apim_traffic.limiting import BURSTS, long_enough

__all__ = ["SpikeArrest"]


@attrs.frozen
class SpikeArrest(Dynamic, Counted):
    """Lets requests through evenly: of `requests` in `per`, only those of one `slice` may come at once.

    With 2000 requests a second and slices of 100 ms these are 200, and one more every half a millisecond. Where a slice
    holds less than one request, one comes at a time: 5 a second are one every 200 ms. It counts with GCRA, so that no
    edge of a slice lets two of them through together. What is more is refused with 429 and the code 900807, of an
    application 900809.
    """

    example: ClassVar[Any] = {"requests": 2000, "per": "1s", "key": "api"}

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    """How many requests may come through."""
    per: Duration = attrs.field(validator=long_enough)
    """In what time."""
    slice: Duration = Duration("100ms")
    """Of how long a time the requests may come at once."""

    @property
    def limit(self) -> Limit:
        """The limit."""
        return self._limit_of(self.requests)

    def _limit_of(self, requests: int) -> Limit:
        burst = min(max(round(requests * self.slice / self.per), 1), requests)
        return Limit(requests, self.per, burst=burst, count_refused=self.count_refused)

    async def start(self, context: Context) -> None:
        error = BURSTS.get(self.key, errors.SUBSCRIPTION_BURST_EXCEEDED)
        terms = self.terms(self.name or f"{self.label}-spike", self.limit, error, str(self.per))
        terms = self.dynamic(terms, self._limit_of)
        self.hold(_apply=(await self.rule(context, f"spike-arrest {self.key}", terms, self._key)).apply)
