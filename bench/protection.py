"""What protecting a backend costs a call that passes: `python -m bench.protection [--rounds N]`.

Each policy stands alone around an endpoint that answers at once, on the event loop that the gateway uses. Printed is
what it adds to the bare call, in microseconds: the least of several rounds, since other load only ever adds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import uvloop
from apim_sdk import Exchange, Policy, Response, Send
from apim_sdk.testing import FakeContext, build, make_exchange, started

from apim_core.context import SystemClock

BUDGET = 3.0
"""Microseconds that one policy may add."""
CALLS = 200
"""In a round: few, so that some rounds are not interrupted on a busy machine."""
POLICIES: dict[str, tuple[str, dict[str, Any]]] = {
    "circuit-breaker": ("circuit-breaker", {}),
    "circuit-breaker, slow calls": ("circuit-breaker", {"slow_duration": "1s"}),
    "circuit-breaker, last calls": ("circuit-breaker", {"window_calls": 100}),
    "retry": ("retry", {}),
    "retry, time-outs": ("retry", {"try_timeout": "2s", "total_timeout": "5s"}),
    "timeout": ("timeout", {"head": "2s"}),
    "bulkhead": ("bulkhead", {"max_calls": 50}),
    "concurrency-limit": ("concurrency-limit", {"max_requests": 10, "key": "api"}),
    "adaptive-concurrency": ("adaptive-concurrency", {}),
    "load-shedding": ("load-shedding", {}),
}


async def endpoint(exchange: Exchange) -> Response:
    return RESPONSE


RESPONSE = Response(200, body=b"ok")


async def seconds(policy: Policy | None) -> float:
    """How long one of many calls takes."""
    exchange = make_exchange()
    deferred = exchange._deferred
    on_request = getattr(policy, "on_request", None)
    around: Any = getattr(policy, "around", None)
    send: Send = endpoint
    began = time.perf_counter()
    for _ in range(CALLS):
        if on_request is not None:
            on_request(exchange)
        await (send(exchange) if around is None else around(exchange, send))
        while deferred:
            deferred.pop()()
    return (time.perf_counter() - began) / CALLS


async def measure(rounds: int) -> dict[str, float]:
    """What each adds, in microseconds."""
    added = {}
    for name, (plugin, settings) in POLICIES.items():
        async with started(build(plugin, settings), FakeContext(clock=SystemClock())) as policy:  # type: ignore[arg-type]
            bare = with_it = float("inf")
            for _ in range(rounds):
                bare = min(bare, await seconds(None))
                with_it = min(with_it, await seconds(policy))
                await asyncio.sleep(0)
            added[name] = (with_it - bare) * 1e6
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000, help="rounds of each measurement")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        added = runner.run(measure(parser.parse_args().rounds))
    print(f"{'policy':30} {'us':>6}")
    for name, microseconds in added.items():
        print(f"{name:30} {microseconds:6.2f}{'' if microseconds <= BUDGET else '  over the budget'}")


if __name__ == "__main__":
    main()
