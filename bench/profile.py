"""`python -m bench.profile ROW`: where our gateway spends its time while wrk loads it (sampled by py-spy)."""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import attrs

from bench.affinity import cores_of_this_machine
from bench.comparison import Comparison, Entrant, warm_up
from bench.install import PROGRAMS, PY_SPY, Missing, prepare
from bench.load import CAPTURED, figures_of
from bench.rows import ROWS
from bench.stage import Contestant, Settings, Stage, open_stage
from bench.table import columns

IDLE = "_worker (concurrent/futures/thread.py"
"""Where threads of a pool wait for work; the sampler takes their waiting for running."""


@attrs.frozen
class Hotspot:
    """A function, with the share of samples in which it ran itself, and in which it or what it called ran."""

    function: str
    own: float
    total: float


def parse_stacks(lines: Iterable[str]) -> tuple[Hotspot, ...]:
    """Read py-spy's raw format (`outer;inner;innermost count`); the hottest by own time come first."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    samples = 0
    for line in lines:
        stack, _, count = line.rstrip().rpartition(" ")
        if stack.rpartition(";")[2].startswith(IDLE):
            continue
        frames = [frame for frame in stack.split(";") if not frame.startswith("process ")] or ["(no frame)"]
        samples += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    return tuple(
        Hotspot(function, own[function] / samples, total[function] / samples)
        for function in sorted(total, key=lambda name: (-own[name], -total[name], name))
    )


def hotspot_table(hotspots: tuple[Hotspot, ...], most: int) -> str:
    """The `most` hottest by own time, then by total time."""
    by_total = tuple(sorted(hotspots, key=lambda hotspot: -hotspot.total))

    def table(chosen: tuple[Hotspot, ...]) -> str:
        lines = [(spot.function, f"{spot.own:.1%}", f"{spot.total:.1%}") for spot in chosen[:most]]
        return columns([("function", "own", "total"), *lines])

    return f"by own time\n{table(hotspots)}\n\nby total time\n{table(by_total)}"


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    rows = [row.name for row in ROWS if isinstance(row, Comparison)]
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("row", choices=rows)
    parser.add_argument("--contestant", help="of the row (default: the last that is our gateway)")
    parser.add_argument("--seconds", type=int, default=5, help="how long to sample (default 5)")
    parser.add_argument("--rate", type=int, default=500, help="samples a second (default 500)")
    parser.add_argument("--lines", action="store_true", help="tell lines apart, not functions")
    parser.add_argument("--native", action="store_true", help="see into compiled extensions too")
    parser.add_argument("--most", type=int, default=30, help="functions to print (default 30)")
    parser.add_argument("--tokens", type=int, default=1000, help="distinct tokens of the secured row")
    parser.add_argument("--python", type=Path, help="interpreter beside which apim is installed")
    parser.add_argument("--raw", type=Path, help="keep the stacks in this file, for a flame graph")
    return parser.parse_args(given)


def choose(stage: Stage, row: str, name: str | None) -> Contestant:
    """The contestant to profile; raises SystemExit where the row has none of that name."""
    comparison = next(known for known in ROWS if known.name == row)
    assert isinstance(comparison, Comparison)
    ours = [contestant for contestant in comparison.contestants(stage) if contestant.peer == "apim"]
    found = [contestant for contestant in ours if name in (None, contestant.name)]
    if not found:
        raise SystemExit(f"{row} has no {name!r}; there are: {', '.join(one.name for one in ours)}")
    return found[-1]


def sample(stage: Stage, contestant: Contestant, options: argparse.Namespace) -> tuple[Hotspot, ...]:
    """Load the gateway, sample it meanwhile, and read the stacks."""
    raw = (options.raw or stage.folder / "stacks").absolute()
    with stage.running(contestant) as gateway:
        requests = contestant.load.write(stage.folder / "profile-requests")
        warm_up(stage, Entrant(contestant, gateway, requests))
        seconds = options.seconds + 2
        command = stage.wrk.command(gateway.port, requests, seconds=seconds, tls=contestant.load.tls)
        load = subprocess.Popen(command, **CAPTURED)
        try:
            spy = (
                *(str(stage.tools.path("py-spy")), "record", "--pid", str(gateway.process_id)),
                *("--duration", str(options.seconds), "--rate", str(options.rate), "--subprocesses"),
                *("--format", "raw", "--output", str(raw)),
                *(() if options.lines else ("--function",)),
                *(("--native",) if options.native else ()),
            )
            subprocess.run(spy, check=True, capture_output=True, text=True, timeout=options.seconds + 60)
        finally:
            figures = figures_of(command, load, seconds)
    print(f"{contestant.name}: {figures.per_second:,.0f} requests/s under the profiler, {figures.errors} errors\n")
    return parse_stacks(raw.read_text().splitlines())


def main(given: list[str]) -> int:
    """Install, load, sample, print."""
    options = arguments(given)
    try:
        tools = prepare(options.python, (*PROGRAMS, PY_SPY))
        tools.path("apim")
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    with open_stage(tools, cores_of_this_machine(), Settings(tokens=options.tokens)) as stage:
        hotspots = sample(stage, choose(stage, options.row, options.contestant), options)
    print(hotspot_table(hotspots, options.most))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
