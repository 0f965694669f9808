"""Decisions in a second of counter stores: `python -m bench.counters [--seconds N] [--rounds N] [--callers 1,64,256]`.

Every decision asks the store (the mode `exact`). The process that asks stands for a gateway: it runs on one core, and
the supervisor or `redis-server`, which this starts, on another. Callers are tasks that ask one question after another,
of a thousand keys of four limits in turn. CPU time of both sides a decision is what carries over to other machines.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import structlog
import uvloop
from apim_sdk import CounterStore, Limit, Secret
from apim_sdk.testing.context import FakeContext, started

from apim_core.context import SystemClock
from apim_core.counters import NodeCounters, NodeLedger
from bench.affinity import cores_of_this_machine, pinned
from bench.cpu import cpu_seconds

LIMITS = {
    "gcra": Limit(1_000_000, 60.0),
    "sliding-window": Limit(1_000_000, 60.0, "sliding-window"),
    "sliding-log": Limit(10_000, 60.0, "sliding-log"),
    "fixed-window": Limit(1_000_000, 60.0, "fixed-window"),
}
KEYS = 1000


@attrs.frozen
class Figures:
    """Of one store: decisions a second, and microseconds of CPU a decision, here and where the counts are."""

    store: str
    algorithm: str
    callers: int
    rate: float
    cpu: float
    server_cpu: float


@attrs.frozen
class Contestant:
    """A store, opened for a run, and the process that holds its counts."""

    name: str
    open: Callable[[], contextlib.AbstractAsyncContextManager[CounterStore]]
    server: int


async def ask(store: CounterStore, algorithm: str, callers: int, seconds: float) -> int:
    """How many decisions so many callers got in so many seconds."""
    counters = [store.counter(f"bench {number} {algorithm}", LIMITS[algorithm]) for number in range(4)]
    done, end = 0, time.perf_counter() + seconds

    async def caller(number: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await counters[number % 4].grant(f"application-{number % KEYS}", 1, 1)
            number += callers
            done += 1

    await asyncio.gather(*[caller(number) for number in range(callers)])
    return done


async def measure(contestant: Contestant, options: Any) -> list[Figures]:
    """For each algorithm and number of callers the round with the least CPU, as other load only ever adds to it."""
    async with contestant.open() as store:
        return [
            min(
                [
                    await one_round(contestant, store, algorithm, callers, options.seconds)
                    for _ in range(options.rounds)
                ],
                key=lambda figures: figures.cpu,
            )
            for algorithm in options.algorithms.split(",")
            for callers in map(int, options.callers.split(","))
        ]


async def one_round(
    contestant: Contestant, store: CounterStore, algorithm: str, callers: int, seconds: float
) -> Figures:
    """What came of one run, after a short one that is not counted."""
    await ask(store, algorithm, callers, seconds / 10)
    begun, cpu, server = time.perf_counter(), time.process_time(), cpu_seconds(contestant.server)
    done = await ask(store, algorithm, callers, seconds)
    elapsed = time.perf_counter() - begun
    cpu, server = time.process_time() - cpu, cpu_seconds(contestant.server) - server
    micros = 1_000_000 / done
    return Figures(contestant.name, algorithm, callers, done / elapsed, cpu * micros, server * micros)


@contextlib.contextmanager
def supervisor(core: int) -> Iterator[Contestant]:
    """The counters of a supervisor, in a process of its own."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        pinned((sys.executable, "-c", SUPERVISOR, str(theirs.fileno())), (core,)),
        pass_fds=[theirs.fileno()],
        cwd=Path(__file__).resolve().parents[1],
    )
    theirs.close()
    ours.setblocking(False)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[CounterStore]:
        store = await NodeCounters.open(ours, 60.0)  # until its process has started
        try:
            yield store
        finally:
            store.close()
            await store.closed()

    try:
        yield Contestant("node", opened, process.pid)
    finally:
        process.kill()
        process.wait()


SUPERVISOR = "import sys; from bench.counters import supervise; supervise(int(sys.argv[1]))"


def supervise(descriptor: int) -> None:
    """What runs in the process of the supervisor."""

    async def serve() -> None:
        end = socket.socket(fileno=descriptor)
        end.setblocking(False)
        await NodeLedger(SystemClock(), 1_000_000, lambda: 1, structlog.get_logger()).attach(end, 1)
        await asyncio.Event().wait()

    uvloop.run(serve())


@contextlib.contextmanager
def redis(core: int) -> Iterator[Contestant]:
    """A `redis-server` without persistence."""
    from apim_stores.redis_counters import RedisCounters

    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("bench.counters needs redis-server: run tests/peers/install")
    with tempfile.TemporaryDirectory(prefix="apim-bench-") as folder:
        path = Path(folder) / "redis"
        command = (program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder)
        process = subprocess.Popen(pinned(command, (core,)), stdout=subprocess.DEVNULL)
        while not path.exists():
            time.sleep(0.01)
            if process.poll() is not None:
                raise SystemExit("redis-server does not start")

        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[CounterStore]:
            async with started(RedisCounters(Secret(f"unix://{path}"), timeout="10s"), FakeContext()) as store:
                yield store

        try:
            yield Contestant("redis-counters", opened, process.pid)
        finally:
            process.kill()
            process.wait()


def table(figures: list[Figures]) -> str:
    """The figures in Markdown."""
    lines = [
        "| store | algorithm | callers | decisions/s | CPU here, us | CPU there, us |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{each.store}` | {each.algorithm} | {each.callers} | {each.rate:,.0f} | {each.cpu:.1f} "
        f"| {each.server_cpu:.1f} |"
        for each in figures
    ]
    return "\n".join(lines)


def run(options: Any) -> list[Figures]:
    """All runs that the command line asks for."""
    cores, before = cores_of_this_machine(), os.sched_getaffinity(0)
    found = []
    with supervisor(cores.load[0]) as node, redis(cores.load[0]) as server:
        os.sched_setaffinity(0, cores.gateway)
        try:
            for contestant in (node, server):
                found += uvloop.run(measure(contestant, options))
        finally:
            os.sched_setaffinity(0, before)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.counters", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each run (default 1)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs, of which the one with the least CPU counts (default 3)"
    )
    parser.add_argument("--callers", default="1,16,64,256", help="comma-separated: callers at once")
    parser.add_argument("--algorithms", default=",".join(LIMITS), help=f"comma-separated, of: {', '.join(LIMITS)}")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    given = parser.parse_args()
    found = run(given)
    print(json.dumps([attrs.asdict(each) for each in found], indent=2) if given.json else table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
