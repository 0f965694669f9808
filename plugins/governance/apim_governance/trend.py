"""How scores of APIs went over time, kept in a store: so many points of each API, the oldest go first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import attrs
from apim_sdk.stores import Store

from apim_governance.reports import APIReport
from apim_governance.score import Counts

__all__ = ["Point", "Trend"]

_PREFIX: Final = "governance/scores/"
_ATTEMPTS: Final = 20


@attrs.frozen
class Point:
    """The score of an API at a time."""

    created: datetime
    score: Decimal
    counts: Counts

    @classmethod
    def of(cls, report: APIReport) -> Point:
        """The point of a report."""
        return cls(report.created, report.score, report.counts)

    def to_json(self) -> dict[str, Any]:
        """Plain values; the score as text, for it is a decimal."""
        return {"created": self.created.isoformat(), "score": str(self.score), "counts": attrs.asdict(self.counts)}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Point:
        """What ``to_json`` wrote. Raises KeyError, TypeError or ArithmeticError for anything else."""
        created = datetime.fromisoformat(written["created"])
        return cls(created, Decimal(written["score"]), Counts(**written["counts"]))


class Trend:
    """The scores of each API, in the order in which they came; at most ``most`` of an API."""

    def __init__(self, store: Store, most: int = 100) -> None:
        if most < 1:
            raise ValueError("a trend keeps at least one point")
        self._store = store
        self._most = most

    async def keep(self, report: APIReport) -> tuple[Point, ...]:
        """Add a report's score, and answer what is known then; one that is the same as the last adds nothing.

        Raises OSError where the store is away.
        """
        key = _key(report.api)
        for _ in range(_ATTEMPTS):
            known = await self._store.get(key)
            points = _points(known)
            new = Point.of(report)
            if points and (points[-1].score, points[-1].counts) == (new.score, new.counts):
                return points
            points = (*points, new)[-self._most :]
            value = json.dumps([point.to_json() for point in points]).encode()
            written = self._store.add(key, value) if known is None else self._store.replace(key, known, value)
            if await written:
                return points
        raise OSError(f"the scores of {report.api!r} are written by too many at once")

    async def of(self, api: str) -> tuple[Point, ...]:
        """What is known of an API, the oldest first. Raises OSError where the store is away."""
        return _points(await self._store.get(_key(api)))


def _key(api: str) -> str:
    """The key of an API's points, whatever its name is."""
    return _PREFIX + sha256(api.encode()).hexdigest()


def _points(value: bytes | None) -> tuple[Point, ...]:
    return () if value is None else tuple(map(Point.from_json, json.loads(value)))
