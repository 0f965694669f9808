"""Windows as operators write them: a span of time, or a unit of the calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, ClassVar, Final, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apim_sdk.counting.calendar import bounds, nominal
from apim_sdk.counting.limit import Calendar
from apim_sdk.fields import Duration

__all__ = ["Period", "zone_named"]

_UNITS: Final = re.compile(rf"(?:(\d{{1,6}})\s*)?({'|'.join(get_args(Calendar))})s?")
_SPANS: Final[Mapping[float, Calendar]] = {nominal(unit): unit for unit in ("minute", "hour", "day", "week")}


class Period(str):
    """A window: a duration such as ``1h``, ``1d``, ``1w``, or a number of units such as ``month``, ``3 months``.

    ``seconds`` is its length, of a month 30 days and of a year 365; ``calendar`` is the unit of the calendar that it is
    one of, None if it is none. Raises ValueError for what is neither.
    """

    schema: ClassVar[Mapping[str, Any]] = {
        "type": "string",
        "pattern": r"^((\d+(\.\d+)?(ms|s|m|h|d|w))+|(\d{1,6}\s*)?(minute|hour|day|week|month|year)s?)$",
        "examples": ["1d", "1 month"],
    }
    calendar: Calendar | None
    seconds: float

    def __new__(cls, text: str) -> Period:
        self = super().__new__(cls, text)
        match = _UNITS.fullmatch(text)
        if match is None:
            try:
                self.seconds = Duration(text)
            except ValueError:
                raise ValueError(f"{text!r} is no window: write 30m, 1d, 1w, 1 month, 1 year") from None
            self.calendar = _SPANS.get(self.seconds)
            return self
        number, unit = int(match[1] or 1), _unit(match[2])
        self.seconds = float(number * nominal(unit))
        self.calendar = unit if number == 1 else None
        return self

    def end(self, moment: float, zone: tzinfo = UTC) -> float:
        """When the window that ``moment`` is in ends: that of the calendar, or one of this length since the epoch."""
        if self.calendar is not None:
            return bounds(self.calendar, zone, moment)[1]
        return (moment // self.seconds + 1) * self.seconds


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name in the IANA database. Raises ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone: write a name of the IANA database, such as Europe/Berlin"
        ) from None


def _unit(text: str) -> Calendar:
    return next(unit for unit in get_args(Calendar) if unit == text)
