"""Limit how many requests come through in a long time, such as a day or a month."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Context, Expression, Limit, errors, state
from apim_sdk.counting.period import Period, zone_named

from apim_traffic.dynamic import Dynamic
from apim_traffic.events import Counted
from apim_traffic.limiting import BURSTS, LEVELS, Rate, costly
from apim_traffic.rule import in_turn

__all__ = ["Quota"]


@attrs.frozen
class Quota(Dynamic, Counted):
    """Lets `requests` through in each window; what is more is refused with 429 until the next begins.

    A window is one of the calendar (the day, the month) in `time_zone`, or begins with the first call of its key. A
    `burst` beside it bounds how fast the quota may be used.
    """

    example: ClassVar[Any] = {"requests": 100_000, "per": "1 month", "burst": {"requests": 50, "per": "1s"}}

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    """How many requests may come through in a window."""
    per: Period
    """The window: `1h`, `1d`, `1w`, `1 month`, `1 year`, or any other span with `window: first-call`."""
    window: Literal["calendar", "first-call"] = "calendar"
    """When a window begins: with the calendar's (weeks begin on Monday), or with the first call of a key. From a first
    call on a month has 30 days and a year 365."""
    time_zone: str = "UTC"
    """The zone of the calendar, such as `Europe/Berlin`."""
    burst: Rate | None = None
    """How many may come in a shorter time, such as `{requests: 50, per: 1s}`. Refused with the code 900807, of an
    application 900809."""
    cost: Expression | None = None
    """How many of the requests a call counts for, in CEL; without it, one. It costs one of the burst."""
    _limit: Limit = state()

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        calendar = self.per.calendar if self.window == "calendar" else None
        if self.window == "calendar" and calendar is None:
            raise ValueError(f"the calendar has no window of {self.per}: write one unit of it, or `window: first-call`")
        self.hold(
            _limit=Limit(
                self.requests,
                self.per.seconds,
                "fixed-window",
                calendar=calendar,
                zone=zone_named(self.time_zone),
                count_refused=self.count_refused,
            )
        )
        if self.burst is not None:
            self.burst.limit()

    async def start(self, context: Context) -> None:
        error = LEVELS.get(self.key, errors.CUSTOM_LIMIT_EXCEEDED)
        name = self.name or f"{self.label}-quota"
        terms = self.dynamic(
            self.terms(name, self._limit, error, str(self.per)),
            lambda units: attrs.evolve(self._limit, units=units, burst=units),
        )
        quota = await self.rule(context, f"quota {self.key}", terms, self._key)
        steps = [costly(quota, self.cost)]
        if self.burst is not None:
            error = BURSTS.get(self.key, errors.SUBSCRIPTION_BURST_EXCEEDED)
            limit = self.burst.limit(self.count_refused)
            terms = attrs.evolve(
                self.terms(f"{self.name or self.label}-burst", limit, error, str(self.burst.per)),
                stops=True,
            )
            steps.insert(0, (await self.rule(context, f"quota burst {self.key}", terms, self._key)).apply)
        self.hold(_apply=in_turn(*steps))
