"""What a decision costs in each mode: `python -m bench.modes [--seconds N] [--rounds N] [--callers N] [--store node]`.

The process that decides stands for a gateway, and its CPU time a decision is what is measured; the counts are in a
supervisor's process (`node`), or in tables behind no network at all (`tables`). Callers are tasks that ask one
decision after another, of some keys in turn, and let other tasks run after each; none of them is refused. The first
line is the table of one process, which is what a gateway by itself counts with: ratios are to it.
"""

import argparse
import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import structlog
import uvloop
from apim_sdk import CounterStore, Limit
from apim_sdk.counting import open_table
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes import MODES

from apim_core.context import SystemClock
from apim_core.counters import NodeCounters, NodeLedger

LIMIT = Limit(100_000_000, 60.0)
SUPERVISOR = "import sys; from bench.modes import supervise; supervise(int(sys.argv[1]))"


@attrs.frozen
class Figures:
    """Of one mode: microseconds of CPU a decision, without what the callers' own loop takes; that by what it is for
    the table of a process; and decisions a second."""

    mode: str
    store: str
    cpu: float
    ratio: float
    rate: float


@contextlib.asynccontextmanager
async def node() -> AsyncIterator[CounterStore]:
    """The counters of a supervisor in a process of its own."""
    process, ours = supervisor()
    store = await NodeCounters.open(ours, 30.0)
    try:
        await store.members()  # it has started
        yield store
    finally:
        store.close()
        await store.closed()
        process.kill()
        process.wait()


def supervisor() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A process that counts, and the end of a socket pair by which it is asked."""
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-c", SUPERVISOR, str(theirs.fileno()))
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=Path(__file__).resolve().parents[1])
    theirs.close()
    ours.setblocking(False)
    return process, ours


def supervise(descriptor: int) -> None:
    """What runs in the process of the supervisor."""

    async def serve() -> None:
        end = socket.socket(fileno=descriptor)
        end.setblocking(False)
        await NodeLedger(SystemClock(), 1_000_000, lambda: 4, structlog.get_logger()).attach(end, 1)
        await asyncio.Event().wait()

    uvloop.run(serve())


@contextlib.asynccontextmanager
async def tables() -> AsyncIterator[CounterStore]:
    """Tables behind no network: the CPU that a mode takes by itself."""
    yield FakeCounterStore(SystemClock(), members=4)


async def decide(counter: Counter | None, options: argparse.Namespace) -> tuple[float, int]:
    """CPU seconds, and how many decisions."""
    done, end = 0, time.perf_counter() + options.seconds
    keys = [f"application-{number}" for number in range(options.keys)]

    async def caller(number: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            for _ in range(options.batch):
                number += 1
                if counter is not None:
                    wait = counter.take(keys[number % options.keys])
                    if not isinstance(wait, float):
                        await wait
            done += options.batch
            await asyncio.sleep(0)

    cpu = time.process_time()
    await asyncio.gather(*(caller(number * 7) for number in range(options.callers)))
    return time.process_time() - cpu, done


async def measure(counter: Counter | None, options: argparse.Namespace) -> tuple[float, float]:
    """Microseconds of CPU a decision in the best of some rounds, and decisions a second in it."""
    await decide(counter, argparse.Namespace(**{**vars(options), "seconds": 0.2}))
    rounds = [await decide(counter, options) for _ in range(options.rounds)]
    cpu, done = min(rounds, key=lambda one: one[0] / one[1])
    return cpu / done * 1e6, done / options.seconds


async def run(options: argparse.Namespace) -> list[Figures]:
    """Every mode over the store."""
    idle, _ = await measure(None, options)
    clock: Any = SystemClock()
    base, rate = await measure(open_table(LIMIT, clock), options)
    base -= idle
    found = [Figures("(one process)", "-", base, 1.0, rate)]
    opened = {"node": node, "tables": tables}[options.store]
    async with opened() as store:
        for mode in MODES:
            context = FakeContext(clock=clock, counter_stores={"default": store})
            settings: Any = Counting(mode=mode, timeout=5.0)  # type: ignore[arg-type]
            cpu, rate = await measure(await open_counter(context, f"bench {mode}", LIMIT, settings), options)
            await context.close()
            found.append(Figures(mode, options.store, cpu - idle, (cpu - idle) / base, rate))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.modes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each round (1)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the best counts (3)")
    parser.add_argument("--callers", type=int, default=16, help="callers at once (16)")
    parser.add_argument("--keys", type=int, default=4, help="keys that they use (4)")
    parser.add_argument("--batch", type=int, default=8, help="decisions of a caller before others run (8)")
    parser.add_argument("--store", choices=("node", "tables"), default="node", help="where the counts are (node)")
    options = parser.parse_args()
    print("| mode | store | CPU a decision, us | to one process | decisions/s |")
    print("|---|---|---|---|---|")
    for each in uvloop.run(run(options)):
        print(f"| {each.mode} | {each.store} | {each.cpu:.2f} | {each.ratio:.2f} | {each.rate:,.0f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
