"""`python -m bench`: measure the gateway beside its peers, print ratios and budgets, keep them as JSON."""

import argparse
import json
import sys
import time
from pathlib import Path

from bench.affinity import cores_of_this_machine
from bench.install import Missing, prepare
from bench.machine import description, headline
from bench.report import RowReport
from bench.rows import LONG_ROWS, ROWS, Row
from bench.stage import Settings, open_stage
from bench.table import row_text, verdict_text

RESULTS = Path(__file__).parent / "results"


def arguments(given: list[str]) -> argparse.Namespace:
    """Read the command line."""
    names = ", ".join(row.name for row in (*ROWS, *LONG_ROWS))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", help=f"comma-separated, of: {names} (all but the long: {LONG_ROWS[0].name})")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a timed run (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="timed runs of each contestant (default 5)")
    parser.add_argument("--peers", default="", help="comma-separated: the only peers to measure (default: all)")
    parser.add_argument("--patience", type=float, default=0.0, help="longest wait for an idle core before a run (s)")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections (default 32)")
    parser.add_argument("--tokens", type=int, default=1000, help="distinct tokens of the secured row")
    parser.add_argument("--apis", type=int, default=10_000, help="APIs of the scale row (default 10,000)")
    parser.add_argument("--reloads", type=int, default=10_000, help="reloads of the row `reloads`")
    parser.add_argument("--python", type=Path, help="interpreter beside which apim is installed (default: this)")
    parser.add_argument("--quick", action="store_true", help="one round of a second: does it run, not how fast")
    parser.add_argument("--enforce", action="store_true", help="exit with status 1 when a budget is broken")
    parser.add_argument("--output", type=Path, help="where to write JSON (default bench/results/DATE.json)")
    return parser.parse_args(given)


def chosen(names: str | None) -> tuple[Row, ...]:
    """The rows that `--rows` names, in their own order; raises SystemExit for a name that is none."""
    if names is None:
        return ROWS
    wanted = {name.strip() for name in names.split(",")}
    known = (*ROWS, *LONG_ROWS)
    if unknown := wanted - {row.name for row in known}:
        offered = ", ".join(row.name for row in known)
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are: {offered}")
    return tuple(row for row in known if row.name in wanted)


def settings(options: argparse.Namespace) -> Settings:
    """What the command line comes to."""
    return Settings(
        seconds=1.0 if options.quick else options.seconds,
        rounds=1 if options.quick else options.rounds,
        peers=tuple(name.strip() for name in options.peers.split(",") if name.strip()),
        patience=options.patience,
        connections=options.connections,
        tokens=options.tokens,
        large_apis=options.apis,
        reloads=options.reloads,
    )


def save(path: Path, machine: dict[str, object], reports: list[RowReport]) -> None:
    """Write everything that was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "rows": [report.document() for report in reports]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def main(given: list[str]) -> int:
    """Install, measure, print, save. Status 1: something could not be measured (or, enforced, a budget broke)."""
    options = arguments(given)
    rows = chosen(options.rows)
    cores = cores_of_this_machine()
    try:
        tools = prepare(options.python)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    machine = description(tools, cores)
    print(headline(machine))
    if not cores.apart:
        print("one core only: gateway and load share it; trust CPU time, not throughput or latency")
    reports = []
    with open_stage(tools, cores, settings(options)) as stage:
        for row in rows:
            reports.append(row.run(stage))
            print(f"\n{row_text(reports[-1])}", flush=True)
    output = options.output or RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    save(output, machine, reports)
    print(f"\nbudgets:\n{verdict_text(reports)}\n\nwritten to {output}")
    broken = any(finding.holds is False for report in reports for finding in report.findings)
    return int(any(report.failures for report in reports) or (options.enforce and broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
