"""How exact limits are over processes: `python -m bench.accuracy [--seconds 10] [--processes 4] [--modes exact]
[--disturb kill]`.

Starts a `redis-server` and some processes, which stand for gateways. Together they ask for three times what the limit
gives, in bursts: each process draws when its next calls come (exponential pauses, a few calls at once). What was let
through is held against what the limit permits from the first call to the last answer; 1.000 is all of it.

With `--disturb kill` the store is killed after a third of the time and started again, empty, after another third; with
`--disturb slow` it answers nothing in that time.

A mode is a way to use a counter store, by name in ``MODES``: an async context manager that yields what takes a unit.
"""

import argparse
import asyncio
import contextlib
import json
import math
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import uvloop
from apim_sdk import Duration, Limit, Secret
from apim_sdk.testing.context import FakeContext, started

from apim_core.context import SystemClock

Take = Callable[[str], Awaitable[bool]]
Mode = Callable[[str, Limit], contextlib.AbstractAsyncContextManager[Take]]

LIMITS = {
    "gcra": Limit(1000, 1.0, burst=100),
    "sliding-window": Limit(500, 0.5, "sliding-window"),
    "sliding-log": Limit(500, 0.5, "sliding-log"),
    "fixed-window": Limit(500, 0.5, "fixed-window"),
}
TIMES_THE_LIMIT = 3.0
ROOT = Path(__file__).resolve().parents[1]


@contextlib.asynccontextmanager
async def exact(url: str, limit: Limit) -> AsyncIterator[Take]:
    """Every decision at the store, without a policy."""
    from apim_stores.redis_counters import RedisCounters

    async with started(RedisCounters(Secret(url), timeout="5s"), FakeContext()) as store:
        counter = store.counter("accuracy", limit)

        async def take(key: str) -> bool:
            return (await counter.grant(key, 1, 1)).units == 1

        yield take


def limited(mode: str, timeout: str = "5s") -> Mode:
    """As a policy with that mode decides."""

    @contextlib.asynccontextmanager
    async def opened(url: str, limit: Limit) -> AsyncIterator[Take]:
        from apim_stores.redis_counters import RedisCounters
        from apim_traffic.counter import Counting, open_counter

        async with started(RedisCounters(Secret(url), timeout="5s"), FakeContext()) as store:
            clock: Any = SystemClock()
            context = FakeContext(clock=clock, counter_stores={"default": store})
            counter = await open_counter(context, "accuracy", limit, Counting(mode=mode, timeout=Duration(timeout)))

            async def take(key: str) -> bool:
                wait = counter.take(key)
                return not (wait if isinstance(wait, float) else await wait)

            yield take
            await context.close()

    return opened


OF_POLICIES = ("exact", "lease", "hybrid", "async")
MODES: Mapping[str, Mode] = {"store": exact, **{mode: limited(mode) for mode in OF_POLICIES}}
DISTURBED: Mapping[str, Mode] = {mode: limited(mode, "100ms") for mode in OF_POLICIES}
"""With the time-out that a policy has unless told: after it, `local` decides."""


@attrs.frozen
class Outcome:
    """What some processes together asked for and got; times are seconds since the epoch."""

    asked: int
    allowed: int
    failed: int
    first: float
    last: float

    def ratio(self, limit: Limit) -> float:
        """What was let through, of what the limit permits from the first call to the last answer."""
        return self.allowed / permitted(limit, self.first, self.last)


def permitted(limit: Limit, first: float, last: float) -> float:
    """The most units that a limit lets through between two moments."""
    spans = (last - first) / limit.seconds
    if limit.algorithm == "gcra":
        return limit.burst + limit.units * spans
    if limit.algorithm == "sliding-window":
        return limit.units * (last // limit.seconds - first // limit.seconds + 1)
    return limit.units * (math.floor(spans) + 1)


async def burst(take: Take, rate: float, seconds: float) -> Outcome:
    """Ask so many times a second, in bursts, whether answers have come or not."""
    allowed = failed = 0

    async def ask() -> None:
        nonlocal allowed, failed
        try:
            granted = await take("everybody")
        except OSError:
            failed += 1
        else:
            allowed += granted

    asking: set[asyncio.Task[None]] = set()
    begun, asked, due = time.time(), 0, 0.0
    while due < seconds:
        await asyncio.sleep(max(begun + due - time.time(), 0))
        size = random.randint(1, 9)
        for _ in range(size):
            task = asyncio.create_task(ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
        asked += size
        due += random.expovariate(rate / 5)
    await asyncio.gather(*asking)
    return Outcome(asked, allowed, failed, begun, time.time())


async def gateway(settings: Mapping[str, Any]) -> None:
    """What runs in each process: say that it is ready, wait until all are, ask, and tell what came of it."""
    modes = DISTURBED if settings["disturbed"] else MODES
    async with modes[settings["mode"]](settings["url"], Limit(**settings["limit"])) as take:
        await take("warm")
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        outcome = await burst(take, settings["rate"], settings["seconds"])
        print(json.dumps(attrs.asdict(outcome)), flush=True)


class Server:
    """A store of our own, at the same address again when it starts again."""

    def __init__(self, program: str, folder: Path) -> None:
        self._path = folder / "redis"
        self._command = [program, "--port", "0", "--unixsocket", str(self._path), "--save", "", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        while not self._path.exists():
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def disturb(self, how: str, seconds: float) -> None:
        """Be away for the middle third of so many seconds, which begin now."""
        time.sleep(seconds / 3)
        (self.kill if how == "kill" else self.pause)()
        time.sleep(seconds / 3)
        (self.start if how == "kill" else self.resume)()


def together(
    mode: str, url: str, limit: Limit, processes: int, seconds: float, disturb: Callable[[], None] | None = None
) -> Outcome:
    """Let so many processes ask at the same time for three times what the limit gives, and disturb them meanwhile."""
    written = attrs.asdict(limit, filter=lambda field, value: field.name not in ("zone", "calendar"))
    rate = TIMES_THE_LIMIT * limit.units / limit.seconds / processes
    settings = {
        "mode": mode,
        "url": url,
        "limit": written,
        "rate": rate,
        "seconds": seconds,
        "disturbed": disturb is not None,
    }
    command = [sys.executable, "-m", "bench.accuracy", "--gateway", json.dumps(settings)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(processes)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            if child.stdout.readline() != "ready\n":
                raise RuntimeError("a process that stands for a gateway did not start")
        for child in children:  # all are ready: let them go at once
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        if disturb is not None:
            disturb()
        outcomes = [Outcome(**json.loads(child.communicate(timeout=seconds + 60)[0])) for child in children]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    return Outcome(
        sum(each.asked for each in outcomes),
        sum(each.allowed for each in outcomes),
        sum(each.failed for each in outcomes),
        min(each.first for each in outcomes),
        max(each.last for each in outcomes),
    )


@contextlib.contextmanager
def redis_server() -> Iterator[Server]:
    """A server for one run."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("bench.accuracy needs redis-server: run tests/peers/install")
    with tempfile.TemporaryDirectory(prefix="apim-bench-") as folder:
        server = Server(program, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run (default 10)")
    parser.add_argument("--processes", type=int, default=4, help="processes that stand for gateways (default 4)")
    parser.add_argument("--modes", default=",".join(MODES), help=f"comma-separated, of: {', '.join(MODES)}")
    parser.add_argument("--algorithms", default=",".join(LIMITS), help=f"comma-separated, of: {', '.join(LIMITS)}")
    parser.add_argument("--disturb", choices=("kill", "slow"), help="what becomes of the store in the middle third")
    parser.add_argument("--gateway", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.gateway is not None:
        uvloop.run(gateway(json.loads(given.gateway)))
        return 0
    print("| mode | algorithm | asked | let through | failed | of what is permitted |\n|---|---|---|---|---|---|")
    for mode in given.modes.split(","):
        for name in given.algorithms.split(","):
            limit = LIMITS[name]
            with redis_server() as server:
                disturb = partial(server.disturb, given.disturb, given.seconds) if given.disturb else None
                found = together(mode, server.url, limit, given.processes, given.seconds, disturb)
            print(
                f"| `{mode}` | {name} | {found.asked:,} | {found.allowed:,} | {found.failed:,} "
                f"| {found.ratio(limit):.4f} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
