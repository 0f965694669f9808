"""When the event loop lags for a while, a growing share of the requests is turned away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import Exchange, Fault, Policy, Reject
from apim_sdk.testing import FakeContext, build, make_exchange, started
from apim_traffic.load_shedding import LoadShedding
from apim_traffic.overload import Overload, Rank
from support.gateway import api, serving
from support.gateway import run as run_on_uvloop


class Loop:
    """An overload and the intervals that it has seen."""

    def __init__(self, most: float = 0.9) -> None:
        self.told: list[float] = []
        self.overload = Overload(0.05, 0.5, most, lambda overload: self.told.append(overload.share))
        self.now = 1000.0
        self.overload.observe(0.0, self.now)

    def interval(self, *lags: float) -> float:
        """Timers that run so late within an interval; the share afterwards."""
        for lag in lags:
            self.now += 0.5 / len(lags)
            self.overload.observe(lag, self.now)
        return self.overload.share


def test_lag_all_the_time_makes_a_share_that_grows_up_to_its_bound() -> None:
    loop = Loop()

    assert [0.29, 0.42, 0.5, 0.55] == [round(loop.interval(0.1, 0.08, 0.3, 0.1), 2) for _ in range(4)]
    assert 0.9 == [loop.interval(0.1) for _ in range(100)][-1]


def test_lag_now_and_then_is_none() -> None:
    loop = Loop()

    assert 0 == loop.interval(2.0, 2.0, 0.01, 2.0)
    assert 0.01 == loop.overload.lag


def test_when_the_lag_is_gone_the_share_is_soon_gone_too() -> None:
    loop = Loop()
    for _ in range(100):
        loop.interval(0.1)

    shares = [loop.interval(0.01) for _ in range(7)]
    assert sorted(shares, reverse=True) == shares
    assert (0.0, 2) == (shares[-1], len(loop.told))


def test_what_is_turned_away_is_spread_evenly() -> None:
    loop = Loop(most=0.25)
    loop.interval(0.1)

    assert [False, False, False, True] * 5 == [loop.overload.turns_away(Rank.ALIKE) for _ in range(20)]


def test_some_are_turned_away_before_others() -> None:
    loop = Loop()

    def turned_away(rank: Rank) -> int:
        return sum(loop.overload.turns_away(rank) for _ in range(1000))

    loop.interval(0.1)
    assert [585, 0] == [turned_away(rank) for rank in (Rank.FIRST, Rank.LAST)]
    for _ in range(7):
        loop.interval(0.1)
    assert [900, 333] == [turned_away(rank) for rank in (Rank.FIRST, Rank.LAST)]


def shedding(share: float, steps: Callable[[LoadShedding, FakeContext], None], **settings: Any) -> None:
    """Run ``steps`` while so much is turned away."""

    async def body() -> None:
        context = FakeContext()
        async with started(build(LoadShedding, settings), context) as policy:
            policy._overload.share = share
            policy._overload._shares = (share, share, 0.0)
            steps(policy, context)

    asyncio.run(body())


def passes(policy: LoadShedding, exchange: Exchange) -> bool:
    try:
        policy.on_request(exchange)
    except Reject:
        return False
    return True


def test_who_is_turned_away_is_told_when_to_come_again() -> None:
    def steps(policy: LoadShedding, context: FakeContext) -> None:
        with pytest.raises(Reject) as refused:
            policy.on_request(make_exchange())
        fault = refused.value
        assert ("GATEWAY_OVERLOADED", 503, "5") == (fault.kind.key, fault.status, fault.headers["Retry-After"])
        assert 1 == context.metrics.counters["apim_load_shedding_refused_total", context.place]
        assert 1 == context.metrics.gauges["apim_load_shedding_share", context.place]()

    shedding(1.0, steps)


def test_without_overload_all_pass() -> None:
    def steps(policy: LoadShedding, context: FakeContext) -> None:
        assert [True] * 3 == [passes(policy, make_exchange()) for _ in range(3)]

    shedding(0.0, steps, exempt_when="request.path")


def test_an_operator_says_who_is_exempt_and_who_goes_first() -> None:
    def steps(policy: LoadShedding, context: FakeContext) -> None:
        batch = make_exchange(headers={"X-Batch": "1"})
        assert [True, False, True] == [
            passes(policy, exchange) for exchange in (make_exchange("GET /health"), batch, make_exchange())
        ]

    shedding(1.0, steps, exempt_when='request.path == "/health"', first_when='request.headers["x-batch"] != null')


def test_a_condition_with_an_error_is_a_fault_that_says_so() -> None:
    def steps(policy: LoadShedding, context: FakeContext) -> None:
        with pytest.raises(Fault) as failed:
            policy.on_request(make_exchange())
        assert ("CONDITION_FAILURE", "request.path is str, not true or false") == (
            failed.value.kind.key,
            failed.value.detail,
        )

    shedding(1.0, steps, exempt_when="request.path")


@attrs.frozen
class Busy(Policy):
    """Keeps the event loop from all else for so long."""

    seconds: float
    """How long."""

    def on_request(self, exchange: Exchange) -> None:
        time.sleep(self.seconds)


def test_a_gateway_that_is_kept_busy_turns_requests_away_and_recovers(tmp_path: Path) -> None:
    flows = "{entry: [{load-shedding: {lag: 20ms, interval: 100ms}}], request: [{busy: {seconds: 0.02}}]}"

    async def scenario() -> None:
        async with serving(api(flows=flows), tmp_path, busy=Busy) as served:
            statuses: set[int] = set()

            async def hammer() -> None:
                while statuses != {200, 503}:
                    statuses.add((await served.get("/api/items/1")).status)

            async with asyncio.timeout(20):
                await asyncio.gather(*(hammer() for _ in range(20)))
                while not [line for line in served.log if "in time again" in line["event"]]:
                    await asyncio.sleep(0.01)
            assert 200 == (await served.get("/api/items/1")).status
            assert "the event loop lags; requests are turned away" in {line["event"] for line in served.log}

    run_on_uvloop(scenario)
