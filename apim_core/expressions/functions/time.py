"""Timestamps and durations (cel-spec langdef, "Abstract Types"; RFC 3339, and duration strings such as `1h30m`)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.overloads import Overload, function, method
from apim_core.expressions.types import DURATION, INT, STRING, TIMESTAMP
from apim_core.expressions.values import EPOCH, NANOSECONDS, Duration, Timestamp, describe

_TIMESTAMP = re.compile(
    r"(?P<date>[0-9]{4,5}-[0-9]{2}-[0-9]{2})[Tt](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
)
_DURATION = re.compile(r"(?P<sign>[+-]?)(?P<parts>(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_OFFSET = re.compile(r"(?P<sign>[+-]?)(?P<hours>[0-9]{1,2}):(?P<minutes>[0-9]{2})")
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
}
_LONGEST_DURATION = 64


def parse_timestamp(text: str) -> Timestamp:
    """An RFC 3339 date and time with up to nine decimals; an `EvaluationError` if it is none or out of range."""
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        raise EvaluationError(f"{describe(text)} is no RFC 3339 timestamp")
    try:
        instant = datetime.fromisoformat(f"{found['date']}T{found['time']}").replace(tzinfo=UTC)
    except ValueError:
        raise EvaluationError(f"the timestamp {describe(text)} is out of range") from None
    fraction = int((found["fraction"] or "0").ljust(9, "0"))
    behind = 0
    if found["sign"]:
        behind = (int(found["hours"]) * 60 + int(found["minutes"])) * (-1 if found["sign"] == "-" else 1)
    whole = Timestamp.from_datetime(instant).nanoseconds
    return Timestamp.of(whole + fraction - behind * 60 * NANOSECONDS)


def parse_duration(text: str) -> Duration:
    """A duration string such as `1h45m`, `-1.5s` or `300ms`; an `EvaluationError` if it is none or out of range."""
    found = _DURATION.fullmatch(text) if len(text) <= _LONGEST_DURATION else None
    if text == "0":
        return Duration(0)
    if not found:
        raise EvaluationError(f"{describe(text)} is no duration; write for instance 1h30m, 1.5s or 300ms")
    total = sum(map(_nanoseconds, _PART.finditer(found["parts"])))
    return Duration.of(-total if found["sign"] == "-" else total)


def _nanoseconds(part: re.Match[str]) -> int:
    unit, fraction = _UNITS[part["unit"]], part["fraction"] or "0"
    parts: int = int(fraction) * unit // 10 ** len(fraction)
    return int(part["whole"] or "0") * unit + parts


def format_timestamp(instant: Timestamp) -> str:
    """RFC 3339 in UTC, with as many decimals as it takes."""
    seconds, rest = divmod(instant.nanoseconds, NANOSECONDS)
    moment = EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y}".zfill(4) + f"{moment:-%m-%dT%H:%M:%S}{_decimals(rest)}Z"


def format_duration(span: Duration) -> str:
    """Seconds, with as many decimals as it takes: `5400s`, `-1.5s`."""
    seconds, rest = divmod(abs(span.nanoseconds), NANOSECONDS)
    return f"{'-' if span.nanoseconds < 0 else ''}{seconds}{_decimals(rest)}s"


def _decimals(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""


def _zone(name: str) -> tzinfo:
    if found := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        if offset < timedelta(days=1):
            return timezone(-offset if found["sign"] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise EvaluationError(f"{describe(name)} is no time zone; write for instance Europe/Berlin or +02:00") from None


def _accessor(name: str, read: Callable[[datetime], int]) -> tuple[Overload, Overload]:
    def in_zone(instant: Timestamp, zone: str) -> int:
        try:
            return read(instant.in_zone(_zone(zone)))
        except OverflowError:
            raise EvaluationError(f"the timestamp is out of range in the time zone {describe(zone)}") from None

    def in_utc(instant: Timestamp) -> int:
        return read(instant.in_zone(UTC))

    return (
        method(name, (TIMESTAMP,), INT, in_utc),
        method(name, (TIMESTAMP, STRING), INT, in_zone),
    )


def _units(nanoseconds: int) -> Callable[[Duration], int]:
    """Whole units in a duration, rounded towards zero."""

    def count(span: Duration) -> int:
        whole = abs(span.nanoseconds) // nanoseconds
        return -whole if span.nanoseconds < 0 else whole

    return count


def _millisecond_part(span: Duration) -> int:
    part = abs(span.nanoseconds) % NANOSECONDS // 1_000_000
    return -part if span.nanoseconds < 0 else part


def _from_seconds(seconds: int) -> Timestamp:
    return Timestamp.of(seconds * NANOSECONDS)


def _same(value: Any) -> Any:
    return value


TIME = (
    function("timestamp", (STRING,), TIMESTAMP, parse_timestamp),
    function("timestamp", (INT,), TIMESTAMP, _from_seconds),
    function("timestamp", (TIMESTAMP,), TIMESTAMP, _same),
    function("duration", (STRING,), DURATION, parse_duration),
    function("duration", (DURATION,), DURATION, _same),
    *_accessor("getFullYear", lambda moment: moment.year),
    *_accessor("getMonth", lambda moment: moment.month - 1),
    *_accessor("getDate", lambda moment: moment.day),
    *_accessor("getDayOfMonth", lambda moment: moment.day - 1),
    *_accessor("getDayOfWeek", lambda moment: moment.isoweekday() % 7),
    *_accessor("getDayOfYear", lambda moment: moment.timetuple().tm_yday - 1),
    *_accessor("getHours", lambda moment: moment.hour),
    *_accessor("getMinutes", lambda moment: moment.minute),
    *_accessor("getSeconds", lambda moment: moment.second),
    *_accessor("getMilliseconds", lambda moment: moment.microsecond // 1000),
    method("getHours", (DURATION,), INT, _units(3600 * NANOSECONDS)),
    method("getMinutes", (DURATION,), INT, _units(60 * NANOSECONDS)),
    method("getSeconds", (DURATION,), INT, _units(NANOSECONDS)),
    method("getMilliseconds", (DURATION,), INT, _millisecond_part),
)
"""The overloads of `timestamp`, `duration` and their accessors."""
