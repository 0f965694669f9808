"""Processes that stand for gateways: each asks by itself, and tells what came of it.

A mode is a way to use a counter store, by name in ``MODES``: an async context manager that yields what takes a unit,
and the counter at the store.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from apim_sdk import Duration, Limit, Secret
from apim_sdk.counters import CounterStore, SharedCounter
from apim_sdk.testing.context import FakeContext, started

from apim_core.context import SystemClock
from bench.accuracy.outcome import Call, Outcome, Run
from bench.accuracy.servers import Store

Take = Callable[[str], Awaitable[bool]]
Mode = Callable[[CounterStore, Limit], contextlib.AbstractAsyncContextManager[tuple[Take, SharedCounter]]]

LIMITS = {
    "gcra": Limit(1000, 1.0, burst=100),
    "sliding-window": Limit(500, 0.5, "sliding-window"),
    "sliding-log": Limit(500, 0.5, "sliding-log"),
    "fixed-window": Limit(500, 0.5, "fixed-window"),
}
TIMES_THE_LIMIT = 3.0
KEY = "everybody"
EDGE = 0.1
"""Part of a window on either side of its edge, within which all calls come with `--edges`."""
TICK = 0.001
"""Seconds by which a store counts fixed windows: so much of one may be over already when it says how much is left."""
ROOT = Path(__file__).resolve().parents[2]


@contextlib.asynccontextmanager
async def direct(store: CounterStore, limit: Limit) -> AsyncIterator[tuple[Take, SharedCounter]]:
    """Every decision at the store, without a policy."""
    counter = store.counter("accuracy", limit)

    async def take(key: str) -> bool:
        return (await counter.grant(key, 1, 1)).units == 1

    yield take, counter


def limited(mode: str, timeout: str = "5s") -> Mode:
    """As a policy with that mode decides."""

    @contextlib.asynccontextmanager
    async def opened(store: CounterStore, limit: Limit) -> AsyncIterator[tuple[Take, SharedCounter]]:
        from apim_traffic.counter import Counting, open_counter

        clock: Any = SystemClock()
        context = FakeContext(clock=clock, counter_stores={"default": store})
        settings: Any = Counting(mode=mode, timeout=Duration(timeout))  # type: ignore[arg-type]
        counter = await open_counter(context, "accuracy", limit, settings)

        async def take(key: str) -> bool:
            wait = counter.take(key)
            return not (wait if isinstance(wait, float) else await wait)

        yield take, store.counter(f"{context.place} accuracy", limit)
        await context.close()

    return opened


OF_POLICIES = ("exact", "lease", "hybrid", "async")
MODES: Mapping[str, Mode] = {"store": direct, **{mode: limited(mode) for mode in OF_POLICIES}}
DISTURBED: Mapping[str, Mode] = {mode: limited(mode, "100ms") for mode in OF_POLICIES}
"""With the time-out that a policy has unless told: after it, `local` decides."""


@attrs.frozen
class Plan:
    """What one process is to do. Moments are seconds since the epoch."""

    mode: str
    url: str
    sentinels: tuple[str, ...]
    limit: Limit
    rate: float
    """Calls a second."""
    seconds: float
    edges: bool
    disturbed: bool
    watches: bool
    """Whether it is the one that asks the store for its windows."""

    @classmethod
    def read(cls, text: str) -> "Plan":
        """The plan that ``written`` wrote."""
        plain = json.loads(text)
        return cls(**{**plain, "limit": Limit(**plain["limit"]), "sentinels": tuple(plain["sentinels"])})

    def written(self) -> str:
        """JSON."""
        return json.dumps(attrs.asdict(self, filter=lambda field, _: field.name not in ("zone", "calendar")))

    def due(self) -> Iterator[tuple[float, int]]:
        """When calls come, in seconds from the start, and how many at once; with `edges` only around those of windows.

        The first call of all opens the first fixed window, one edge before the calls around the next.
        """
        window, moment = self.limit.seconds, 0.0
        if self.edges and self.watches:
            yield 0.0, 1
        while moment < self.seconds:
            if self.edges:
                number, part = divmod(moment, window)
                yield (number + 1 - EDGE) * window + 2 * EDGE * part, random.randint(1, 9)
            else:
                yield moment, random.randint(1, 9)
            moment += random.expovariate(self.rate / 5)


async def burst(take: Take, plan: Plan, begin: float) -> Outcome:
    """Ask as often as planned, in bursts, whether answers have come or not, from a moment on."""
    came: list[float] = []
    passed: list[Call] = []
    failed = 0

    async def ask() -> None:
        nonlocal failed
        moment = time.time()
        came.append(moment)
        try:
            granted = await take(KEY)
        except OSError:
            failed += 1
        else:
            if granted:
                passed.append((moment, time.time()))

    asking: set[asyncio.Task[None]] = set()
    for due, size in plan.due():
        await asyncio.sleep(max(begin + due - time.time(), 0))
        for _ in range(size):
            task = asyncio.create_task(ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
    await asyncio.gather(*asking)
    return Outcome(len(came), failed, begin, time.time(), passed, [came])


async def windows_of(counter: SharedCounter, limit: Limit) -> dict[int, tuple[float, float]]:
    """Ask the store for its fixed windows until cancelled; by number, the latest begin and the earliest end of each."""
    found: dict[int, tuple[float, float]] = {}
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            asked = time.time()
            try:
                reset = (await counter.settle(KEY, 0)).reset
            except OSError:
                reset = 0.0
            if reset:
                begin, end = time.time() + reset - limit.seconds, asked + reset - TICK
                number = round(end / limit.seconds * 4)
                known = found.get(number, (begin, end))
                found[number] = (min(begin, known[0]), max(end, known[1]))
            await asyncio.sleep(limit.seconds / 20)
    return found


async def gateway(plan: Plan) -> None:
    """What runs in each process: say that it is ready, wait until all are, ask, and tell what came of it."""
    from apim_stores.redis_address import Sentinels
    from apim_stores.redis_counters import RedisCounters

    modes = DISTURBED if plan.disturbed else MODES
    watched = Sentinels(plan.sentinels) if plan.sentinels else None
    redis = RedisCounters(Secret(plan.url), timeout="5s", sentinels=watched)
    async with started(redis, FakeContext()) as store, modes[plan.mode](store, plan.limit) as (take, counter):
        await take("warm")
        print("ready", flush=True)
        begin = float(await asyncio.to_thread(sys.stdin.readline))
        watching = None
        if plan.watches and plan.limit.algorithm == "fixed-window":
            watching = asyncio.create_task(windows_of(counter, plan.limit))
        outcome = await burst(take, plan, begin)
        if watching is not None:
            watching.cancel()
            outcome = attrs.evolve(outcome, windows=list((await watching).values()))
        print(json.dumps(attrs.asdict(outcome)), flush=True)


def together(
    run: Run, store: Store, processes: int, seconds: float, *, edges: bool = False, disturb: bool = False
) -> tuple[Run, Outcome]:
    """Let so many processes ask at the same time for three times what the limit gives, and disturb them meanwhile.

    The run that comes back knows how they were disturbed.
    """
    rate = TIMES_THE_LIMIT * run.limit.units / run.limit.seconds / processes
    plan = Plan(run.mode, store.url, store.sentinels, run.limit, rate, seconds, edges, disturb, watches=False)
    plans = [attrs.evolve(plan, watches=number == 0) for number in range(processes)]
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.accuracy", "--gateway", each.written()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for each in plans
    ]
    try:
        for child in children:
            assert child.stdout is not None
            if child.stdout.readline() != "ready\n":
                raise RuntimeError("a process that stands for a gateway did not start")
        begin = (time.time() // run.limit.seconds + 2) * run.limit.seconds  # where windows of the clock have an edge
        for child in children:  # all are ready: let them go at once
            assert child.stdin is not None
            child.stdin.write(f"{begin!r}\n")
            child.stdin.flush()
        time.sleep(begin - time.time())
        if disturb:
            run = attrs.evolve(run, outage=store.disturb(seconds))
        told = [json.loads(child.communicate(timeout=seconds + 60)[0]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    return run, Outcome.of([Outcome(**each) for each in told])
