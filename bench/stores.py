"""What stores do in a second: `python -m bench.stores [--redis URL] [--postgresql URL] [--seconds N] [--rounds N]`.

Measures `memory` and `sqlite`, and `redis` and `postgresql` where a server is named, with values of 200 bytes: how many
calls one caller makes after another, how many 64 callers make at once, and how long it takes until a follower is told
of a change, by the same process and by another client with connections of its own.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
from apim_sdk import Secret, Store
from apim_sdk.testing.context import FakeContext, started

VALUE = bytes(200)
CALLERS = 64
CHANGES = 100
PREFIX = "bench/"


class Clock:
    """The machine's."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@attrs.frozen
class Figures:
    """Of one store: calls in a second, one after another and many at once; milliseconds until a follower is told."""

    store: str
    alone: dict[str, float]
    together: dict[str, float]
    own_ms: dict[str, float]
    other_ms: dict[str, float] | None


@attrs.frozen
class Contestant:
    """A store to measure; ``shared`` if a second client can see its values."""

    name: str
    make: Callable[[], Store]
    shared: bool = True


async def rate(call: Callable[[int], Awaitable[Any]], seconds: float, callers: int) -> float:
    """Calls in a second, of so many callers, each one call after another."""
    end = time.perf_counter() + seconds
    begun, done = time.perf_counter(), 0

    async def caller(first: int) -> None:
        nonlocal done
        number = first
        while time.perf_counter() < end:
            await call(number)
            number += callers
            done += 1

    await asyncio.gather(*[caller(first) for first in range(callers)])
    return done / (time.perf_counter() - begun)


async def rates(store: Store, seconds: float, callers: int) -> dict[str, float]:
    """Of each method, with as many keys as it takes; put changes one of 1,000 keys, get reads one of them."""
    run = uuid.uuid4().hex
    for number in range(1000):
        await store.put(f"{PREFIX}{number}", VALUE)
    return {
        "get": await rate(lambda number: store.get(f"{PREFIX}{number % 1000}"), seconds, callers),
        "put": await rate(lambda number: store.put(f"{PREFIX}{number % 1000}", VALUE), seconds, callers),
        "add": await rate(lambda number: store.add(f"{PREFIX}{run}/{number}", VALUE, 300.0), seconds, callers),
    }


async def latencies(writer: Store, follower: Store) -> dict[str, float]:
    """Milliseconds from the start of a write until a follower is told: median and the worst of 100."""
    told: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def follow() -> None:
        async for batch in follower.follow("follow/"):
            if batch.first:
                told.put_nowait(None)
            for change in () if batch.first else batch.changes:
                told.put_nowait(change.value)

    following, found = asyncio.create_task(follow()), []
    await told.get()
    for number in range(CHANGES):
        # One that looks now and then is met at any moment of its turn.
        await asyncio.sleep(0.0137 * (number % 10))
        begun = time.perf_counter()
        await writer.put("follow/key", b"%d" % number)
        while await told.get() != b"%d" % number:
            pass
        found.append((time.perf_counter() - begun) * 1000)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return {"median": statistics.median(found), "worst": max(found)}


@contextlib.asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    async with started(store, FakeContext(clock=Clock())) as ready:  # type: ignore[arg-type]  # a clock that runs
        yield ready


async def measure(contestant: Contestant, seconds: float, rounds: int) -> Figures:
    """The figures of one store: of each the best round, since other load only ever makes it worse."""
    async with opened(contestant.make()) as store:
        alone, together = {}, {}
        for _ in range(rounds):
            for best, callers in ((alone, 1), (together, CALLERS)):
                for name, each in (await rates(store, seconds, callers)).items():
                    best[name] = max(best.get(name, 0.0), each)
        own, other = await latencies(store, store), None
        if contestant.shared:
            async with opened(contestant.make()) as second:
                other = await latencies(second, store)
    return Figures(contestant.name, alone, together, own, other)


def contestants(folder: Path, redis: str | None, postgresql: str | None) -> list[Contestant]:
    """Those to measure; what a server's store needs is imported only where there is one."""
    from apim_stores.memory import Memory
    from apim_stores.sqlite import SQLite

    found = [
        Contestant("memory", lambda: Memory(max_entries=10_000_000, max_size="4GiB"), shared=False),
        Contestant("sqlite", lambda: SQLite(folder / "durable.db")),
        Contestant("sqlite, durable: false", lambda: SQLite(folder / "quick.db", durable=False)),
    ]
    if redis is not None:
        from apim_stores.redis import Redis

        found.append(Contestant("redis", lambda: Redis(Secret(redis), prefix="bench:")))
    if postgresql is not None:
        from apim_stores.postgresql import PostgreSQL

        found.append(Contestant("postgresql", lambda: PostgreSQL(Secret(postgresql))))
    return found


def table(all_figures: list[Figures]) -> str:
    """The figures in Markdown."""
    lines = [
        f"| store | get/s | put/s | add/s | {CALLERS} callers: get/s | put/s | add/s | own, ms | another's, ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in all_figures:
        calls = [f"{value:,.0f}" for rates in (each.alone, each.together) for value in rates.values()]
        waits = [f"{ms['median']:.1f} ({ms['worst']:.1f})" if ms else "-" for ms in (each.own_ms, each.other_ms)]
        lines.append(f"| {' | '.join([f'`{each.store}`', *calls, *waits])} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.stores", description=__doc__)
    parser.add_argument("--redis", help="URL of a Redis or Valkey to fill with keys that begin with bench:")
    parser.add_argument("--postgresql", help="URL of a PostgreSQL database to make the tables in")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each run (default 1)")
    parser.add_argument("--rounds", type=int, default=3, help="runs, of which the best counts (default 3)")
    parser.add_argument("--json", action="store_true", help="write the figures as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apim-bench-") as folder:
        chosen = contestants(Path(folder), given.redis, given.postgresql)
        found = [asyncio.run(measure(each, given.seconds, given.rounds)) for each in chosen]
    print(json.dumps([attrs.asdict(each) for each in found], indent=2) if given.json else table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
