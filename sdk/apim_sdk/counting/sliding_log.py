"""A sliding log: every call is remembered until it is a window old. Exact at every moment, for small limits."""

from __future__ import annotations

from itertools import islice
from struct import Struct
from typing import Any, Final

from apim_sdk.counting.limit import NEVER, Clock, Forgot, Grant, Key, Limit
from apim_sdk.counting.table import Table

__all__ = ["SlidingLog"]

_MICROSECONDS: Final = 1_000_000
_MOST: Final = 2**62
"""Units that a log can tell; no limit is a millionth of it."""
_ENTRY: Final = Struct("=qq")
_SIZE: Final = _ENTRY.size
_pack, _unpack = _ENTRY.pack, _ENTRY.unpack_from


class SlidingLog(Table):
    """Values are logs, in microseconds of the monotonic clock.

    A log is bytes, which are small and no objects for the garbage collector to go through: entries of a moment and how
    many units were taken up to then. The first is no call, but says how many were taken before the others.
    """

    __slots__ = ("_length", "_monotonic", "_seconds", "_units")

    def __init__(self, limit: Limit, clock: Clock, size: int, forgot: Forgot) -> None:
        super().__init__(limit, clock, size, forgot)
        self._monotonic = clock.monotonic
        self._units = limit.units
        self._length = max(round(limit.seconds * _MICROSECONDS), 1)
        self._seconds = self._length / _MICROSECONDS

    def grant(self, key: Key, least: int, most: int) -> Grant:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            log = bytearray(_SIZE)
        taken: int = _unpack(log, len(log) - _SIZE)[1]
        total = taken - _forget(log, now - self._length)
        free = max(self._units - total, 0)
        if free >= least:
            units = min(free, most)
            log += _pack(now, min(taken + units, _MOST))
            self._keep(key, log, now)
            return Grant(units, 0.0, free - units, self._seconds)
        if self.limit.count_refused and total < 2 * self._units:
            _add(log, now, least)
            self._keep(key, log, now)
        return Grant(0, self._wait(log, least, now), free, self._until_empty(log, now))

    def settle(self, key: Key, units: int) -> None:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            log = bytearray(_SIZE)
        if units >= 0:
            _add(log, now, units)
        else:
            _give_back(log, -units)
        self._keep(key, log, now)

    def standing(self, key: Key) -> Grant:
        now = self._now()
        log = self._values.get(key)
        if log is None:
            return Grant(0, 0.0, self._units, 0.0)
        free = max(self._units + _forget(log, now - self._length) - _taken(log), 0)
        return Grant(0, 0.0 if free else self._wait(log, 1, now), free, self._until_empty(log, now))

    def adopt(self, limit: Limit) -> None:
        super().adopt(limit)
        self._units = limit.units

    def _wait(self, log: bytearray, units: int, now: int) -> float:
        """Seconds until enough of the oldest are a window old."""
        if units > self._units:
            return NEVER
        enough = _taken(log) + units - self._units
        for moment, taken in islice(_ENTRY.iter_unpack(log), 1, None):
            if taken >= enough:
                return float(moment + self._length - now) / _MICROSECONDS
        return NEVER

    def _until_empty(self, log: bytearray, now: int) -> float:
        if len(log) == _SIZE:
            return 0.0
        moment, _ = _unpack(log, len(log) - _SIZE)
        return float(moment + self._length - now) / _MICROSECONDS

    def _now(self) -> int:
        return int(self._monotonic() * _MICROSECONDS)

    def _fresh(self) -> Any:
        return bytearray(_SIZE)

    def _idle(self, value: Any, now: int) -> bool:
        _forget(value, now - self._length)
        return len(value) == _SIZE


def _taken(log: bytearray) -> int:
    """How many units were ever taken."""
    taken: int = _unpack(log, len(log) - _SIZE)[1]
    return taken


def _add(log: bytearray, now: int, units: int) -> None:
    log += _pack(now, min(_taken(log) + units, _MOST))


def _forget(log: bytearray, until: int) -> int:
    """Drop what was taken at ``until`` or before; how many units were taken up to then."""
    at, size = _SIZE, len(log)
    while at < size and _unpack(log, at)[0] <= until:
        at += _SIZE
    if at > _SIZE:
        del log[: at - _SIZE]  # the last that is dropped says how many were taken before the others
    before: int = _unpack(log)[1]
    return before


def _give_back(log: bytearray, units: int) -> None:
    """Drop the newest ``units``."""
    while units and len(log) > _SIZE:
        last = len(log) - _SIZE
        moment, taken = _unpack(log, last)
        count = taken - _unpack(log, last - _SIZE)[1]
        if count > units:
            log[last:] = _pack(moment, taken - units)
            return
        del log[last:]
        units -= count
