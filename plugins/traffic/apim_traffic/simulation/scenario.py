"""What happens in a simulation: nodes, calls, the way to the store, and what goes wrong."""

from __future__ import annotations

import math
import random
from typing import Literal

import attrs
from apim_sdk import Limit

__all__ = ["Burst", "Outage", "Scenario", "make_scenario"]


@attrs.frozen
class Burst:
    """Calls that reach one node closely together: the first at ``start``, the last ``spread`` seconds later."""

    start: float
    node: int
    calls: int
    spread: float = 0.0


@attrs.frozen
class Outage:
    """What goes wrong from ``start`` until ``end``.

    ``partition`` loses what is on its way between the store and ``node`` (every node if that is None), without an
    answer; ``restart`` makes the store refuse connections, and ``lose`` what it counted; ``slow`` makes each way
    ``delay`` seconds longer.
    """

    kind: Literal["partition", "restart", "slow"]
    start: float
    end: float
    node: int | None = None
    lose: bool = False
    delay: float = 0.0


@attrs.frozen(kw_only=True)
class Scenario:
    """Everything that decides what happens. Times are seconds from the beginning."""

    limit: Limit
    nodes: int = 4
    latency: float = 0.005
    """A question's way to the store and back; each half takes half to one and a half of its half."""
    skew: float = 0.05
    """How far a node's clocks are from the store's, at most."""
    bursts: tuple[Burst, ...]
    outages: tuple[Outage, ...] = ()
    on_store_error: Literal["closed", "open", "local"] = "local"
    timeout: float = 0.1
    sync_interval: float = 1.0
    seed: int = 0
    """Decides latencies and clocks."""

    @property
    def arrivals(self) -> list[tuple[float, int]]:
        """When calls come, and to which node, in order."""
        calls = (
            (burst.start + burst.spread * number / max(burst.calls - 1, 1), burst.node)
            for burst in self.bursts
            for number in range(burst.calls)
        )
        return sorted(calls)

    @property
    def troubled(self) -> float:
        """For how many seconds a node may have to decide without the store; 0.0 if the store always answers."""
        trouble = sum(outage.end - outage.start + 2.0 for outage in self.outages)
        return math.inf if 1.5 * self.latency >= self.timeout else trouble


def make_scenario(
    limit: Limit, *, nodes: int, load: float, windows: float, seed: int, bursty: float = 0.5, **more: object
) -> Scenario:
    """A scenario whose calls come at ``load`` times the limit: a part (``bursty``) in bursts, half of which hit one
    node, the others at any time, unequally over the nodes."""
    chance = random.Random(seed)  # noqa: S311  # a simulation, to be repeated
    span = windows * limit.seconds
    calls = max(round(load * limit.units * windows), 1)
    weights = [chance.expovariate(1.0) + 0.1 for _ in range(nodes)]
    bursts = [
        Burst(chance.uniform(0, span), chance.choices(range(nodes), weights)[0], 1)
        for _ in range(calls - int(bursty * calls))
    ]
    left = int(bursty * calls)
    while left:
        size = min(left, 1 + int(chance.expovariate(4.0 / limit.units)))
        start, spread = chance.uniform(0, span), chance.choice([0.0, 0.002, 0.02, 0.2])
        if chance.random() < 0.5:
            bursts.append(Burst(start, chance.randrange(nodes), size, spread))
        else:
            bursts.extend(
                Burst(start, node, part, spread)
                for node in range(nodes)
                if (part := size // nodes + (node < size % nodes))
            )
        left -= size
    return Scenario(limit=limit, nodes=nodes, seed=seed, bursts=tuple(bursts), **more)  # type: ignore[arg-type]
