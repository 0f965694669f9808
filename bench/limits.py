"""What limits cost: `python -m bench.limits [--json]`.

Four limits in memory (of the API, the application, the subscription and the user) as steps of one chain: CPU time of a
call that passes them all, the least of several rounds, since other load only ever adds; a round is a chain with limits
less the same chain without. Then a table of a million keys that are all in use: memory a key, and the CPU time of
the longest single `take` while it fills, while each new key pushes out another, and while each finds others idle.
"""

import argparse
import asyncio
import gc
import json
import os
import time
from collections.abc import Callable, Coroutine
from statistics import median
from typing import Any

from apim_sdk import API, Application, Exchange, Operation, Principal, Response, Subscription
from apim_sdk.counting import ALGORITHMS, Algorithm, Limit, open_table
from apim_sdk.testing import FakeClock, FakeContext, build, make_exchange

from apim_core.context import SystemClock
from apim_core.pipeline import Pipeline
from apim_core.routing import Router
from apim_core.steps import CompiledStep, run, step_call
from bench.memory import memory

BUDGET_MICROSECONDS = 6.0
BUDGET_BYTES = 200 * 2**20
KEYS = ("api", "application", "subscription", "principal.subject")
MANY = 1_000_000


async def chain(algorithm: Algorithm) -> tuple[CompiledStep, ...]:
    """The four limits, started, on the machine's clock."""
    steps = []
    for number, key in enumerate(KEYS):
        never_reached = (100_000, "100ms") if algorithm == "sliding-log" else (1_000_000_000, "1s")
        settings = {**dict(zip(("requests", "per"), never_reached, strict=True)), "key": key}
        policy: Any = build("rate-limit", {**settings, "algorithm": algorithm})
        await policy.start(FakeContext(place=f"bench/{number}", clock=SystemClock()))
        steps.append(CompiledStep(key, step_call(policy.on_request, None, None)))
    return tuple(steps)


def exchange() -> Exchange:
    """A call of a subscribed application on behalf of a user."""
    made = make_exchange(
        api=API("orders", "1.0", "/orders"),
        operation=Operation("GET", "/items"),
        application=Application("shop", "5b1d3c4e"),
        subscription=Subscription("orders", "gold", "b3f0a1c2"),
        principal=Principal("anna", issuer="https://idp.example"),
    )
    made.response = Response()
    return made


def per_call(steps: tuple[CompiledStep, ...], rounds: int, calls: int = 20_000) -> list[float]:
    """Microseconds of CPU for the steps and for what they have called back, each round less that of no step."""
    pipeline = Pipeline(Router(()), (), {}, lambda step, error: None)  # type: ignore[arg-type]
    nothing = (CompiledStep("nothing", lambda exchange: None),)

    async def through(chosen: tuple[CompiledStep, ...], one: Exchange) -> None:
        for _ in range(calls):
            pending = run(chosen, one)
            if pending is not None:
                await pending
            one._faulted = None  # nothing refuses them, so nothing of it is called
            if one._afters:
                waiting = pipeline.finish(one)
                if waiting is not None:
                    await waiting

    def timed(chosen: tuple[CompiledStep, ...]) -> float:
        one = exchange()
        started = time.process_time()
        finish(through(chosen, one))
        return (time.process_time() - started) / calls * 1e6

    return [timed(steps) - timed(nothing) for _ in range(rounds)]


def finish(work: Coroutine[Any, Any, None]) -> None:
    """Run what never waits to its end."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("a limit in memory waited for something")


def many_keys(algorithm: Algorithm) -> dict[str, float]:
    """A table of a million keys in use: bytes, and the CPU time of the longest single take in milliseconds."""
    clock = FakeClock()
    gc.collect()
    before = memory(os.getpid()).resident
    table = open_table(Limit(10, 60.0, algorithm), clock, MANY)

    def longest(first: int, number: int) -> float:
        worst = 0.0
        take, now = table.take, time.thread_time
        for key in range(first, first + number):
            text = f".{key:08x}"
            started = now()
            take(text)
            worst = max(worst, now() - started)
        return worst * 1e3

    filling = longest(0, MANY)
    gc.collect()
    size = memory(os.getpid()).resident - before
    pushing = longest(MANY, MANY // 2)
    clock.advance(3600)
    leaving = longest(2 * MANY, MANY)
    return {
        "bytes": size,
        "bytes a key": size / MANY,
        "longest take while it fills (ms)": filling,
        "longest take while keys are pushed out (ms)": pushing,
        "longest take while idle keys leave (ms)": leaving,
    }


def measure(measured: Callable[[Algorithm], dict[str, float]]) -> dict[str, dict[str, float]]:
    """The same for every way to count."""
    return {algorithm: measured(algorithm) for algorithm in ALGORITHMS}


def times(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds for each way to count."""

    def measured(algorithm: Algorithm) -> dict[str, float]:
        found = per_call(asyncio.run(chain(algorithm)), rounds)
        return {"least (us)": min(found), "median (us)": median(found)}

    return measure(measured)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of 20,000 calls (default 15)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    found = {"four limits, a call": times(options.rounds), "a million keys": measure(many_keys)}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for what, figures in found.items():
        print(what)
        for algorithm, values in figures.items():
            print(f"  {algorithm:15}", ", ".join(f"{name} {value:,.2f}" for name, value in values.items()))
    print(f"budgets: {BUDGET_MICROSECONDS} us for gcra, {BUDGET_BYTES / 2**20:.0f} MiB for a million keys")


if __name__ == "__main__":
    main()
