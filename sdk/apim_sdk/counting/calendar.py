"""Windows of the calendar: when the minute, the day, the month ... that a moment is in began, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from apim_sdk.counting.limit import Calendar

__all__ = ["bounds", "nominal"]

_DAY: Final = 86_400
_SECONDS: Final[dict[Calendar, int]] = {
    "minute": 60,
    "hour": 3_600,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}


def nominal(calendar: Calendar) -> int:
    """How many seconds the unit mostly has."""
    return _SECONDS[calendar]


def bounds(calendar: Calendar, zone: tzinfo, moment: float) -> tuple[int, int]:
    """The first second of the window that ``moment`` is in, and that of the next one, since the epoch.

    Weeks begin on Monday (ISO 8601). Where clocks change, a day has 23 or 25 hours, and an hour is 3600 seconds; where
    they change by part of an hour (Lord Howe Island), one of 1800 seconds follows.
    """
    if calendar in ("minute", "hour"):  # the same in every zone, but for offsets of part of an hour
        return _even(_SECONDS[calendar], zone, moment)
    local = datetime.fromtimestamp(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if calendar == "day":
        first, following = local, local + timedelta(days=1)
    elif calendar == "week":
        first = local - timedelta(days=local.weekday())
        following = first + timedelta(days=7)
    elif calendar == "month":
        first = local.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    else:
        first = local.replace(month=1, day=1)
        following = first.replace(year=first.year + 1)
    return int(first.timestamp()), int(following.timestamp())


def _even(length: int, zone: tzinfo, moment: float) -> tuple[int, int]:
    """The window of minutes or hours; one that was there when clocks changed ends as it was to."""
    offset = _offset(zone, moment)
    begin = int((moment + offset) // length * length) - offset
    end = begin + length
    if (before := _offset(zone, begin)) == offset:
        return begin, end
    begin_before = int((begin + before) // length * length) - before
    end_before = begin_before + length
    return (begin_before, end_before) if moment < end_before else (max(begin, end_before), end)


def _offset(zone: tzinfo, moment: float) -> int:
    offset = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
