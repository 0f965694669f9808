"""What a decision costs in each mode: `python -m bench.modes [--store node|redis|tables] [--keys N] [--callers N]`.

The process that decides stands for a gateway, and its CPU time a decision is what is measured; the counts are in a
supervisor's process (`node`), in `redis-server` (`redis`), or in tables behind no network at all (`tables`). Callers
are tasks that ask one decision after another, of some keys in turn, and let other tasks run between; none of them is
refused. The first line is the table of one process, which is what a gateway by itself counts with: ratios are to it.
"""

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import uvloop
from apim_sdk import CounterStore, Limit
from apim_sdk.counting import open_table
from apim_sdk.testing import FakeContext, FakeCounterStore
from apim_traffic.counter import Counter, Counting, open_counter
from apim_traffic.modes import MODES

from apim_core.context import SystemClock
from bench.affinity import cores_of_this_machine
from bench.counters import redis, supervisor

LIMIT = Limit(100_000_000, 60.0)


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


def run(options: argparse.Namespace) -> list[Figures]:
    """Every mode over the store that the command line names."""
    if options.store == "tables":
        return uvloop.run(compare(tables, options))
    cores, before = cores_of_this_machine(), os.sched_getaffinity(0)
    with {"node": supervisor, "redis": redis}[options.store](cores.load[0]) as contestant:
        os.sched_setaffinity(0, cores.gateway)
        try:
            return uvloop.run(compare(contestant.open, options))
        finally:
            os.sched_setaffinity(0, before)


async def compare(
    opened: Callable[[], contextlib.AbstractAsyncContextManager[CounterStore]], options: argparse.Namespace
) -> list[Figures]:
    """Every mode, and the table of a process."""
    idle, _ = await measure(None, options)
    clock: Any = SystemClock()
    base, rate = await measure(open_table(LIMIT, clock), options)
    base -= idle
    found = [Figures("(one process)", "-", base, 1.0, rate)]
    async with opened() as store:
        await store.members()  # it has started
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
    parser.add_argument(
        "--store", choices=("node", "redis", "tables"), default="node", help="where the counts are (node)"
    )
    options = parser.parse_args()
    print("| mode | store | CPU a decision, us | to one process | decisions/s |")
    print("|---|---|---|---|---|")
    for each in run(options):
        print(f"| {each.mode} | {each.store} | {each.cpu:.2f} | {each.ratio:.2f} | {each.rate:,.0f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
