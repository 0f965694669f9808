"""Counters of a node: the supervisor counts for all of its workers, each of which asks it over a socket pair.

    worker      NodeCounters: the questions of one turn of the loop go as one message           (in each worker)
    messages    what questions and answers are as bytes, and what of it is believed
    supervisor  one end of a socket pair for each worker                                        (in the supervisor)
      ledger    the tables, by what counts in them

A socket pair has no name, so nobody else can reach it: the kernel gave its other end to the worker when it was spawned.
"""

from __future__ import annotations

from apim_core.counters.supervisor import NodeLedger
from apim_core.counters.worker import NodeCounters

__all__ = ["NodeCounters", "NodeLedger"]
