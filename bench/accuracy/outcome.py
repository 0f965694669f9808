"""What came of a run, against what may: over the whole of it, and in its worst window.

A call counts somewhere between when it came and when it was let through, as in `apim simulate limits`, whose arithmetic
this is; here the calls, the processes and the store are real.
"""

import math
from collections.abc import Sequence
from typing import Any

import attrs
from apim_sdk import Limit
from apim_traffic.counter import Counting
from apim_traffic.simulation.measuring import Call, excess
from apim_traffic.simulation.running import bound_of
from apim_traffic.simulation.scenario import Burst, Outage, Scenario

LATENCY = 0.05
"""Seconds to the store and back on a busy machine, which the bound of `async` allows for."""


@attrs.frozen
class Outcome:
    """What one process, or some together, asked for and got; times are seconds since the epoch."""

    asked: int
    failed: int
    first: float
    last: float
    passed: Sequence[Call]
    """When calls came and were let through."""
    arrivals: Sequence[Sequence[float]]
    """When calls came, of each process."""
    windows: Sequence[tuple[float, float]] = ()
    """The fixed windows of the store: each began before the first of these moments, and ended after the second."""

    @classmethod
    def of(cls, parts: Sequence["Outcome"]) -> "Outcome":
        """That of some processes together."""
        return cls(
            sum(each.asked for each in parts),
            sum(each.failed for each in parts),
            min(each.first for each in parts),
            max(each.last for each in parts),
            [(came, passed) for each in parts for came, passed in each.passed],
            [calls for each in parts for calls in each.arrivals],
            [(begin, end) for each in parts for begin, end in each.windows],
        )

    @property
    def allowed(self) -> int:
        """Calls that were let through."""
        return len(self.passed)

    def ratio(self, limit: Limit) -> float:
        """What was let through, of what the limit permits from the first call to the last answer."""
        return self.allowed / permitted(limit, self.first, self.last)

    def worst(self, limit: Limit) -> float:
        """What was let through in the worst window, of the limit; with gcra, what passed beyond a burst and what comes
        again in any span counts as beyond."""
        calls = [(came - self.first, passed - self.first) for came, passed in self.passed]
        windows = [(begin - self.first, end - self.first) for begin, end in self.windows]
        return 1 + excess(limit, calls, windows, self.first) / limit.units


@attrs.frozen
class Run:
    """What was asked for, and what became of the store meanwhile: what the bound of a mode depends on."""

    limit: Limit
    mode: str
    outage: Outage | None = None

    def bound(self, outcome: Outcome) -> float:
        """What the mode may let through in the worst window, of the limit."""
        mode = "exact" if self.mode == "store" else self.mode
        settings: Any = Counting()
        calls = [
            Burst(moment - outcome.first, node, 1) for node, each in enumerate(outcome.arrivals) for moment in each
        ]
        scenario = Scenario(
            limit=self.limit,
            nodes=len(outcome.arrivals),
            latency=LATENCY,
            bursts=tuple(calls),
            outages=() if self.outage is None else (self.outage,),
            timeout=settings.timeout,
            sync_interval=settings.sync_interval,
        )
        return 1 + bound_of(scenario, mode) / self.limit.units


def permitted(limit: Limit, first: float, last: float) -> float:
    """The most units that a limit lets through between two moments."""
    spans = (last - first) / limit.seconds
    if limit.algorithm == "gcra":
        return limit.burst + limit.units * spans
    if limit.algorithm == "sliding-window":
        return limit.units * (last // limit.seconds - first // limit.seconds + 1)
    return limit.units * (math.floor(spans) + 1)
