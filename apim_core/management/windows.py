"""The windows of a plan's limits: when the longest that a moment is in ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from apim_sdk.counting.period import Period, zone_named

from apim_core.config.references import PlanLimit, Step

__all__ = ["longest_window_end"]


def longest_window_end(limits: Iterable[PlanLimit | Step], moment: float) -> float | None:
    """Seconds since the epoch; None where no limit has a window.

    Windows of a length are counted from the epoch, so an hour's ends with the hour, in UTC; those of a quota by the
    calendar end with it, in its time zone.
    """
    ends = [(length, end) for limit in limits if (window := _window(limit, moment)) for length, end in (window,)]
    return max(ends)[1] if ends else None


def _window(limit: PlanLimit | Step, moment: float) -> tuple[float, float] | None:
    """Length and end of the window of a limit. A policy says its own by ``per``, ``window`` and ``time_zone``."""
    if isinstance(limit, PlanLimit):
        length = float(limit.per)
        return length, (moment // length + 1) * length
    settings = limit.plugin.settings
    if not isinstance(settings, dict) or not isinstance(settings.get("per"), (str, int, float)):
        return None
    period = Period(str(settings["per"]) if isinstance(settings["per"], str) else f"{settings['per']}s")
    calendar = settings.get("window", "calendar") == "calendar"
    if not calendar:
        return period.seconds, (moment // period.seconds + 1) * period.seconds
    zone = settings.get("time_zone")
    return period.seconds, period.end(moment, UTC if zone is None else zone_named(zone))
