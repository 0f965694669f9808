"""The modes of counting, run in a network that is made up: how far past a limit several nodes get, and at what cost.

Nothing of the modes is imitated: each node runs the code that a gateway runs, on an event loop whose time jumps to the
next timer. What is made up is around it: clocks, the way to the store, calls, and what goes wrong. The same scenario
gives the same result.
"""

from __future__ import annotations

from apim_traffic.simulation.running import Result, simulate
from apim_traffic.simulation.scenario import Burst, Outage, Scenario, make_scenario

__all__ = ["Burst", "Outage", "Result", "Scenario", "make_scenario", "simulate"]
