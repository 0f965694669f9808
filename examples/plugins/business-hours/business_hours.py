"""Let requests through in business hours only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import attrs
from apim_sdk import Clock, Context, Exchange, Policy, Reject, state

__all__ = ["BusinessHours"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD = 400
"""Days in which an opening is looked for: more than a year, so that no list of holidays hides the next one."""


@attrs.frozen
class BusinessHours(Policy):
    """Lets requests through in business hours only, and tells clients when to come back.

    Outside business hours a request is refused with 503 and the key `OUTSIDE_BUSINESS_HOURS`; `Retry-After` (RFC 9110,
    section 10.2.3) says in how many seconds the next ones begin. Hours are those of the time zone, whatever its clocks
    do in spring and autumn.
    """

    example: ClassVar[Any] = {
        "time_zone": "Europe/Zurich",
        "opens": "08:00",
        "closes": "18:00",
        "closed_on": ["2026-08-01"],
    }

    time_zone: str
    """Time zone of the hours, as in the IANA database: `Europe/Zurich`."""
    opens: time = time(8)
    """When the business day begins."""
    closes: time = time(18)
    """When the business day ends; later than `opens`."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    """Days of the week on which there is business."""
    closed_on: tuple[date, ...] = ()
    """Days without business, such as holidays."""
    _zone: ZoneInfo = state()
    _clock: Clock = state()

    def __attrs_post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"`closes` ({self.closes:%H:%M}) must be later than `opens` ({self.opens:%H:%M})")
        if not self.days:
            raise ValueError("`days` must name at least one day, such as [mon]")
        try:
            self.hold(_zone=ZoneInfo(self.time_zone))
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{self.time_zone!r} is no time zone: write it as in Europe/Zurich") from error

    async def start(self, context: Context) -> None:
        self.hold(_clock=context.clock)

    def on_request(self, exchange: Exchange) -> None:
        now = datetime.fromtimestamp(self._clock.now(), self._zone)
        if self._is_business_day(now.date()) and self.opens <= now.time() < self.closes:
            return
        opening = next(self._openings(now), None)
        if opening is None:
            raise Reject(503, "Closed until further notice", key="OUTSIDE_BUSINESS_HOURS")
        seconds = int((opening.astimezone(UTC) - now.astimezone(UTC)).total_seconds()) + 1
        raise Reject(
            503,
            f"Closed until {opening.isoformat(timespec='minutes')}",
            key="OUTSIDE_BUSINESS_HOURS",
            headers={"Retry-After": str(seconds)},
        )

    def _is_business_day(self, day: date) -> bool:
        return _DAYS[day.weekday()] in self.days and day not in self.closed_on

    def _openings(self, after: datetime) -> Iterator[datetime]:
        """The beginnings of the business days to come."""
        for days in range(_LOOK_AHEAD):
            day = after.date() + timedelta(days)
            opening = datetime.combine(day, self.opens, self._zone)
            if opening > after and self._is_business_day(day):
                yield opening
