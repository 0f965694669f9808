"""How exact limits are over processes: `python -m bench.accuracy [--seconds 10] [--processes 4] [--modes exact]
[--edges] [--disturb kill]`.

Starts a `redis-server` and some processes, which stand for gateways. Together they ask for three times what the limit
gives, in bursts: each process draws when its next calls come (exponential pauses, a few calls at once). With `--edges`
all of them come in the last tenth of each window and the first of the next, where counts begin anew.

What was let through is held against what the limit permits from the first call to the last answer, 1.000 being all of
it; and in the worst window, of which a line tells the bound: what the mode may let through there, by what it states.
With gcra any span is a window: 1 is a burst and what comes again in it, and each unit beyond is held against
`requests`. Status 1 if a bound was not kept.

With `--disturb kill` the store is killed after a third of the time and started again, empty, after another third; with
`--disturb slow` it answers nothing in that time. With `--disturb failover` it is the master of a Sentinel: killed after
a third, and its replica takes its place. The last column tells after how long the store was there again.
"""

import argparse
from collections.abc import Iterator

import uvloop

from bench.accuracy.gateways import LIMITS, MODES, OF_POLICIES, Plan, gateway, together
from bench.accuracy.outcome import Outcome, Run
from bench.accuracy.servers import DISTURBANCES, running

HEADING = (
    "| mode | algorithm | asked | let through | failed | of what is permitted | worst window | bound | away |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def runs(given: argparse.Namespace) -> Iterator[tuple[str, Run, Outcome]]:
    """What came of each run that the command line asks for, with the name of its algorithm."""
    for mode in given.modes.split(","):
        for algorithm in given.algorithms.split(","):
            run = Run(LIMITS[algorithm], mode)
            with running(given.disturb) as store:
                yield (
                    algorithm,
                    *together(
                        run, store, given.processes, given.seconds, edges=given.edges, disturb=bool(given.disturb)
                    ),
                )


def line(algorithm: str, run: Run, outcome: Outcome, *, kept: bool) -> str:
    """The figures of a run in Markdown."""
    away = f"{run.outage.end - run.outage.start:.1f} s" if run.outage is not None else ""
    return (
        f"| `{run.mode}` | {algorithm} | {outcome.asked:,} | {outcome.allowed:,} | {outcome.failed:,} "
        f"| {outcome.ratio(run.limit):.4f} | {outcome.worst(run.limit):.4f} "
        f"| {run.bound(outcome):.4f}{'' if kept else ' BROKEN'} | {away} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run (default 10)")
    parser.add_argument("--processes", type=int, default=4, help="processes that stand for gateways (default 4)")
    parser.add_argument("--modes", help=f"comma-separated, of: {', '.join(MODES)}; the first only undisturbed")
    parser.add_argument("--algorithms", default=",".join(LIMITS), help=f"comma-separated, of: {', '.join(LIMITS)}")
    parser.add_argument("--edges", action="store_true", help="let all calls come around the edges of windows")
    parser.add_argument("--disturb", choices=DISTURBANCES, help="what becomes of the store in the middle third")
    parser.add_argument("--gateway", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.gateway is not None:
        uvloop.run(gateway(Plan.read(given.gateway)))
        return 0
    given.modes = given.modes or ",".join(OF_POLICIES if given.disturb else MODES)
    print(HEADING)
    all_kept = True
    for algorithm, run, outcome in runs(given):
        kept = outcome.worst(run.limit) <= run.bound(outcome) + 1e-6
        all_kept &= kept
        print(line(algorithm, run, outcome, kept=kept), flush=True)
    return 0 if all_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
