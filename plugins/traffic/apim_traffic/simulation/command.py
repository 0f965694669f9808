"""``apim simulate limits``: how far past a limit several nodes get, in each mode, in a network that is made up."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
from apim_sdk import Duration, Limit
from apim_sdk.counting import ALGORITHMS

from apim_traffic.modes import MODES
from apim_traffic.simulation.running import Result, simulate
from apim_traffic.simulation.scenario import Outage, Scenario, make_scenario

__all__ = ["add", "table"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("simulate", help="try in virtual time what would take several machines")
    subjects = parser.add_subparsers(metavar="WHAT", required=True)
    limits = subjects.add_parser("limits", help="how exact the modes of counting are, over several nodes")
    limits.add_argument("--mode", action="append", choices=MODES, help="a mode (again for more; all of them)")
    limits.add_argument("--nodes", type=_count, default=4, help="nodes that count together (4)")
    limits.add_argument("--limit", type=_count, default=1000, metavar="UNITS", help="units that may pass (1000)")
    limits.add_argument("--per", type=Duration, default=Duration("10s"), metavar="TIME", help="in what time (10s)")
    limits.add_argument("--burst", type=_count, metavar="UNITS", help="units at once, with gcra (as many as --limit)")
    limits.add_argument("--algorithm", choices=ALGORITHMS, default="gcra", help="how they are counted (gcra)")
    limits.add_argument("--load", type=float, default=3.0, help="calls, as a multiple of the limit (3)")
    limits.add_argument("--bursty", type=_part, default=0.5, metavar="PART", help="of the calls come in bursts (0.5)")
    limits.add_argument("--windows", type=float, default=4.0, help="how long, in multiples of --per (4)")
    limits.add_argument(
        "--latency", type=Duration, default=Duration("5ms"), metavar="TIME", help="to the store and back"
    )
    limits.add_argument("--skew", type=Duration, default=Duration("50ms"), metavar="TIME", help="of the nodes' clocks")
    limits.add_argument("--sync", type=Duration, default=Duration("1s"), metavar="TIME", help="sync_interval (1s)")
    limits.add_argument("--timeout", type=Duration, default=Duration("100ms"), metavar="TIME", help="of a question")
    limits.add_argument("--on-store-error", choices=("closed", "open", "local"), default="local", help="(local)")
    for kind, form, text in (
        ("partition", "FROM-TO[:NODE]", "lose what is on its way, of one node or of all"),
        ("restart", "FROM-TO[:lose]", "restart the store; it may lose what it counted"),
        ("slow", "FROM-TO:DELAY", "make each way to the store so much longer"),
    ):
        limits.add_argument(f"--{kind}", action="append", default=[], type=_outage(kind), metavar=form, help=text)
    limits.add_argument("--seed", type=int, default=0, help="of calls, latencies and clocks (0)")
    limits.add_argument("--seeds", type=_count, default=1, help="how many seeds, of which the worst is shown (1)")
    limits.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 1 if a bound was not kept."""
    try:
        scenarios = list(_scenarios(arguments))
    except ValueError as error:
        print(f"apim simulate limits: {error}", file=sys.stderr)
        return 2
    modes = arguments.mode or list(MODES)
    worst = [
        max((simulate(each, mode) for each in scenarios), key=lambda one: (not one.holds, one.excess)) for mode in modes
    ]
    for line in _heading(scenarios[0], arguments):
        print(line)
    for line in table(worst):
        print(line)
    for mode in modes:
        print(f"{mode}: {MODES[mode].bound}")
    return 0 if all(result.holds for result in worst) else 1


def table(results: Sequence[Result]) -> Iterator[str]:
    """A line for each result, in Markdown."""
    yield "| mode | allowed / limit, worst window | bound | units beyond | allowed | waited | longest | questions |"
    yield "|---|---|---|---|---|---|---|---|"
    for result in results:
        broken = "" if result.holds else " BROKEN"
        yield (
            f"| {result.mode} | {result.ratio:.4f} | {result.bound_ratio:.4f}{broken} | {max(result.excess, 0):.1f} "
            f"| {result.allowed:,} of {result.calls:,} | {result.waited / max(result.calls, 1):.0%} "
            f"| {result.longest * 1000:.1f} ms | {result.questions:,} |"
        )


def _scenarios(arguments: argparse.Namespace) -> Iterator[Scenario]:
    limit = Limit(arguments.limit, arguments.per, arguments.algorithm, burst=arguments.burst or arguments.limit)
    outages = (*arguments.partition, *arguments.restart, *arguments.slow)
    for outage in outages:
        if outage.node is not None and outage.node >= arguments.nodes:
            raise ValueError(f"there is no node {outage.node}: they are 0 to {arguments.nodes - 1}")
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        made = make_scenario(
            limit,
            nodes=arguments.nodes,
            load=arguments.load,
            windows=arguments.windows,
            seed=seed,
            bursty=arguments.bursty,
        )
        yield attrs.evolve(
            made,
            latency=arguments.latency,
            skew=arguments.skew,
            outages=outages,
            on_store_error=arguments.on_store_error,
            timeout=arguments.timeout,
            sync_interval=arguments.sync,
        )


def _heading(scenario: Scenario, arguments: argparse.Namespace) -> Iterator[str]:
    limit = scenario.limit
    yield (
        f"{limit.algorithm}, {limit.units:,} in {Duration(limit.seconds)}, {scenario.nodes} nodes, "
        f"{arguments.load:g} x the limit, {arguments.bursty:.0%} in bursts, over {arguments.windows:g} windows, "
        f"latency {Duration(scenario.latency)}, "
        f"skew {Duration(scenario.skew)}, sync {Duration(scenario.sync_interval)}; "
        f"the worst of {arguments.seeds} from seed {arguments.seed}"
    )
    for outage in scenario.outages:
        where = "all nodes" if outage.node is None else f"node {outage.node}"
        lost = ", losing what it counted" if outage.lose else ""
        yield f"{outage.kind} from {outage.start:g} s to {outage.end:g} s, {where}{lost}"
    yield ""


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def _part(text: str) -> float:
    part = float(text)
    if not 0 <= part <= 1:
        raise argparse.ArgumentTypeError("it must be 0 to 1")
    return part


def _outage(kind: Any) -> Any:
    """A parser of the outages of a kind."""

    def parse(text: str) -> Outage:
        span, _, more = text.partition(":")
        begin, dash, end = span.partition("-")
        if not dash or Duration(begin) >= Duration(end):
            raise argparse.ArgumentTypeError(f"{text!r}: write when it begins and ends, such as 2s-4s")
        outage = Outage(kind, Duration(begin), Duration(end))
        if kind == "partition":
            return attrs.evolve(outage, node=int(more)) if more else outage
        if kind == "slow":
            return attrs.evolve(outage, delay=Duration(more))
        if more not in ("", "lose"):
            raise argparse.ArgumentTypeError(f"{text!r}: after the colon only `lose` may stand")
        return attrs.evolve(outage, lose=bool(more))

    return parse
