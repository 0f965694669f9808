"""Run a scenario, and say how far past the limit it got and how far it may."""

from __future__ import annotations

import asyncio
import math
import random
from bisect import bisect_left
from typing import Any

import attrs
from apim_sdk import Reject
from apim_sdk.testing import FakeContext
from apim_sdk.testing.virtual_time import EPOCH, run_in_virtual_time

from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes.fallback import share_of
from apim_traffic.simulation.measuring import Call, excess
from apim_traffic.simulation.network import BEGIN, NodeClock, Server, Way
from apim_traffic.simulation.scenario import Scenario

__all__ = ["Result", "bound_of", "simulate"]


@attrs.frozen
class Result:
    """What came of a scenario in one mode. Units beyond the limit are below zero where it was never reached."""

    mode: str
    calls: int
    allowed: int
    excess: float
    """Units beyond the limit in the worst window."""
    bound: float
    """Units beyond the limit that the mode may let through in such a scenario."""
    ratio: float
    """allowed / limit in the worst window."""
    bound_ratio: float
    waited: int
    """Calls that waited for the store."""
    longest: float
    """Seconds that one waited at most."""
    questions: int
    """Questions that reached the store."""

    @property
    def holds(self) -> bool:
        """Whether the bound was kept; the tables round time to a nanosecond at least."""
        return self.excess <= self.bound + 1e-3


def simulate(scenario: Scenario, mode: str) -> Result:
    """Run a scenario in a mode."""
    return run_in_virtual_time(_Run(scenario, mode).run())


class _Run:
    def __init__(self, scenario: Scenario, mode: str) -> None:
        self._scenario = scenario
        self._mode = mode
        self._server = Server(scenario.limit)
        self._passed: list[Call] = []
        self._waits: list[float] = []

    async def run(self) -> Result:
        scenario = self._scenario
        contexts = [self._context(node) for node in range(scenario.nodes)]
        settings: Any = Counting(
            mode=self._mode,  # type: ignore[arg-type]
            on_store_error=scenario.on_store_error,
            timeout=scenario.timeout,  # type: ignore[arg-type]
            sync_interval=scenario.sync_interval,  # type: ignore[arg-type]
        )
        counters = await asyncio.gather(
            *(open_counter(context, "simulated", scenario.limit, settings) for context in contexts)
        )
        loop = asyncio.get_running_loop()
        losses = [loop.call_at(BEGIN + outage.start, self._server.lose) for outage in scenario.outages if outage.lose]
        calls: set[asyncio.Task[None]] = set()
        for moment, node in scenario.arrivals:
            pause = BEGIN + moment - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            self._call(counters[node], calls)
        await asyncio.gather(*calls)
        for handle in losses:
            handle.cancel()
        for context in contexts:
            await context.close()
        return self._result()

    def _context(self, node: int) -> FakeContext:
        scenario = self._scenario
        chance = random.Random(f"{scenario.seed} {node}")  # noqa: S311  # a simulation, to be repeated
        clock: Any = NodeClock(chance.uniform(-scenario.skew, scenario.skew), chance.uniform(0, 1e6))
        store = Way(scenario, node, self._server, chance)
        return FakeContext(clock=clock, counter_stores={"default": store})

    def _call(self, counter: Counter, calls: set[asyncio.Task[None]]) -> None:
        came = asyncio.get_running_loop().time()
        try:
            decision = counter.take("key")
        except Reject:
            return
        if not isinstance(decision, float):
            task = asyncio.ensure_future(self._wait(decision, came))
            calls.add(task)
            task.add_done_callback(calls.discard)
        elif not decision:
            self._passed.append((came, came))

    async def _wait(self, decision: Any, came: float) -> None:
        try:
            wait = await decision
        except Reject:
            wait = math.inf
        now = asyncio.get_running_loop().time()
        self._waits.append(now - came)
        if not wait:
            self._passed.append((came, now))

    def _result(self) -> Result:
        scenario, limit = self._scenario, self._scenario.limit
        beyond = excess(limit, self._passed, self._server.windows, EPOCH)
        bound = bound_of(scenario, self._mode)
        return Result(
            mode=self._mode,
            calls=len(scenario.arrivals),
            allowed=len(self._passed),
            excess=beyond,
            bound=bound,
            ratio=1 + beyond / limit.most,
            bound_ratio=1 + bound / limit.most,
            waited=len(self._waits),
            longest=max(self._waits, default=0.0),
            questions=self._server.questions,
        )


def bound_of(scenario: Scenario, mode: str) -> float:
    """Units beyond the limit that a mode may let through, by what its module states."""
    limit = scenario.limit
    bound = 0.0
    if mode in ("lease", "hybrid"):
        if limit.algorithm == "sliding-log":
            bound = (0.001 if mode == "lease" else 0.005) * limit.units
    elif mode == "async":
        bound = scenario.nodes * _asked(scenario)
    return bound + _without_store(scenario)


def _asked(scenario: Scenario) -> int:
    """Units that one node can be asked for while it does not know of the others, the limit at most."""
    span = scenario.sync_interval + 1.5 * scenario.latency
    most = 0
    for node in range(scenario.nodes):
        calls = [moment for moment, place in scenario.arrivals if place == node]
        most = max([most, *(bisect_left(calls, start + span) - number for number, start in enumerate(calls))])
    return min(most, scenario.limit.most)


def _without_store(scenario: Scenario) -> float:
    """Units that nodes let through, or the store gives again, because it was away or forgot."""
    limit, troubled = scenario.limit, scenario.troubled
    lost = sum(outage.lose for outage in scenario.outages) * limit.most
    if not troubled or scenario.on_store_error == "closed":
        return lost
    if scenario.on_store_error == "open":
        return math.inf
    share = share_of(limit, scenario.nodes)
    refill = limit.units / limit.seconds * troubled if limit.algorithm == "gcra" else 0.0
    return lost + share.most * scenario.nodes + refill
