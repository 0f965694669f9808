"""The limit of concurrency finds what a backend can take, follows it down and comes up again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest
from apim_sdk import Endpoint, Exchange, Fault, Reject, Response, errors
from apim_sdk.testing import FakeClock, FakeContext, build, make_body, make_exchange, run, started
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.adaptive_concurrency import AdaptiveConcurrency
from apim_traffic.gradient import Gradient, Tuning
from hypothesis import given
from hypothesis import strategies as st

TUNING = Tuning(20, 3, 1000, tolerance=0.25, window=0.1, interval=60.0, jitter=0.0, percentile=0.5)


class Backend(Endpoint):
    """A backend that works on ``capacity`` calls at once, each for ``work`` seconds; more of them share what it has."""

    def __init__(self, capacity: int, work: float) -> None:
        self.capacity = capacity
        self.work = work
        self.under_way = 0
        self.answered = 0

    async def send(self, exchange: Exchange) -> Response:
        self.under_way += 1
        try:
            await asyncio.sleep(self.work * max(1.0, self.under_way / self.capacity))
        finally:
            self.under_way -= 1
        self.answered += 1
        return Response(200)


@attrs.define
class Phase:
    """What was seen while the backend was in one state."""

    limit: float
    answered: float
    """A second."""
    slowest: float
    """Seconds, in the second half of the phase."""


class Simulation:
    """Clients that call again as soon as they have an answer, or 50 ms after they were refused."""

    def __init__(self, policy: AdaptiveConcurrency, backend: Backend) -> None:
        self.policy = policy
        self.backend = backend
        self.durations: list[float] = []

    async def phase(self, seconds: float) -> Phase:
        backend, before = self.backend, self.backend.answered
        await asyncio.sleep(seconds / 2)
        self.durations.clear()
        await asyncio.sleep(seconds / 2)
        gradient = self.policy._limits(("test", "1.0"))
        limit = gradient._resumed if gradient.measuring else gradient.limit
        return Phase(limit, (backend.answered - before) / seconds, max(self.durations))

    async def client(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self.policy.around(make_exchange(), self.backend.send)
                self.durations.append(loop.time() - begun)
            except Reject:
                await asyncio.sleep(0.05)


def simulated(
    scenario: Callable[[Simulation], Coroutine[Any, Any, None]], backend: Backend, clients: int = 60, **settings: Any
) -> None:
    async def body() -> None:
        context = FakeContext(clock=LoopClock())  # type: ignore[arg-type]
        async with started(build(AdaptiveConcurrency, {"jitter": 0, **settings}), context) as policy:
            simulation = Simulation(policy, backend)
            tasks = [asyncio.ensure_future(simulation.client()) for _ in range(clients)]
            try:
                await scenario(simulation)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    run_in_virtual_time(body())


def test_the_limit_finds_the_capacity_follows_it_down_and_comes_up_again() -> None:
    async def scenario(simulation: Simulation) -> None:
        backend = simulation.backend
        well = await simulation.phase(10)
        assert 20 <= well.limit <= 40
        assert well.answered >= 0.8 * 20 / 0.05
        assert well.slowest <= 0.05 * 2.5

        backend.capacity = 5
        slow = await simulation.phase(10)
        assert 5 <= slow.limit <= 15
        assert slow.answered >= 0.8 * 5 / 0.05
        assert slow.slowest <= 0.05 * 3.5, "without the limit it would be 0.05 * 60 / 5"

        backend.capacity = 20
        again = await simulation.phase(10)
        assert 20 <= again.limit <= 40
        assert again.answered >= 0.8 * 20 / 0.05

    simulated(scenario, Backend(20, 0.05))


def test_work_that_takes_longer_for_good_is_measured_anew() -> None:
    async def scenario(simulation: Simulation) -> None:
        await simulation.phase(20)
        simulation.backend.work = 0.2
        wronged = await simulation.phase(8)
        assert 3 <= wronged.limit <= 6, "all answers look late"
        measured = await simulation.phase(30)
        assert 20 <= measured.limit <= 45

    simulated(scenario, Backend(20, 0.05), interval="30s")


def test_a_first_measurement_under_load_is_put_right() -> None:
    async def scenario(simulation: Simulation) -> None:
        await simulation.phase(40)
        found = await simulation.phase(4)
        assert 5 <= found.limit <= 15

    simulated(scenario, Backend(5, 0.05), clients=40, initial_limit=30, interval="2s")


def test_a_limit_that_nobody_needs_does_not_grow() -> None:
    async def scenario(simulation: Simulation) -> None:
        assert 20 == (await simulation.phase(30)).limit

    simulated(scenario, Backend(20, 0.05), clients=5)


def test_while_it_measures_half_of_the_limit_is_left() -> None:
    clock = FakeClock()
    gradient = Gradient(TUNING, clock.monotonic)
    window(gradient, clock, 0.05)
    assert (pytest.approx(0.05), False) == (gradient.fastest, gradient.measuring)
    clock.advance(60)
    window(gradient, clock, 0.05)
    assert gradient.measuring
    assert 10 <= gradient.limit <= 13

    begun_before = clock.monotonic() - 10
    for _ in range(100):
        gradient.sample(begun_before)
    assert gradient.measuring, "calls from before have waited among too many"
    window(gradient, clock, 0.08)
    assert (pytest.approx(0.08), False) == (gradient.fastest, gradient.measuring)
    assert 20 <= gradient.limit <= 25


def window(gradient: Gradient, clock: FakeClock, seconds: float) -> None:
    """Ten calls that take so long, one after the other in a window, the limit being used."""
    calls = [gradient.enter() for _ in range(int(gradient.limit))]
    begun = clock.monotonic()
    clock.advance(seconds)
    for _ in range(10):
        gradient.sample(begun)
    clock.advance(TUNING.window)
    gradient.sample(clock.monotonic() - seconds)
    for _ in filter(None, calls):
        gradient.leave()


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(1, 300)), max_size=30))
def test_whatever_the_backend_does_the_limit_keeps_its_bounds(windows: list[tuple[float, int]]) -> None:
    clock = FakeClock()
    gradient = Gradient(attrs.evolve(TUNING, most=50), clock.monotonic)
    for seconds, calls in windows:
        begun = clock.monotonic()
        passed = sum(gradient.enter() for _ in range(calls))
        clock.advance(seconds)
        for _ in range(passed):
            gradient.sample(begun)
            gradient.leave()
        assert 3 <= gradient.limit <= 50
        assert 0 == gradient.under_way
        assert len(gradient._samples) < 250


def with_limit_of_one(
    scenario: Callable[[AdaptiveConcurrency, FakeContext], Coroutine[Any, Any, None]],
) -> None:
    async def body() -> None:
        context = FakeContext()
        settings = {"initial_limit": 1, "min_limit": 1}
        async with started(build(AdaptiveConcurrency, settings), context) as policy:
            await scenario(policy, context)

    asyncio.run(body())


def under_way(policy: AdaptiveConcurrency) -> int:
    return policy._limits(("test", "1.0")).under_way


def test_a_call_over_the_limit_is_refused_at_once() -> None:
    async def scenario(policy: AdaptiveConcurrency, context: FakeContext) -> None:
        async def hang(exchange: Exchange) -> Response:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        first = asyncio.ensure_future(policy.around(make_exchange(), hang))
        await asyncio.sleep(0)
        fault = (await run(policy, make_exchange())).fault
        assert fault is not None
        assert ("ENDPOINT_FULL", 503, "1") == (fault.kind.key, fault.status, fault.headers["Retry-After"])
        assert 1 == context.metrics.counters["apim_adaptive_concurrency_refused_total", context.place]
        assert 1 == context.metrics.gauges["apim_adaptive_concurrency_limit", context.place]()
        assert ["an adaptive limit is reached"] == [line.event for line in context.log.lines]
        first.cancel()
        await asyncio.wait([first])
        assert 0 == under_way(policy), "and one whose client has left is not under way"

    with_limit_of_one(scenario)


@pytest.mark.parametrize("way", ["read", "dropped", "left", "failed"])
def test_a_call_is_under_way_until_its_answer_is_over_and_ends_once(way: str) -> None:
    async def scenario(policy: AdaptiveConcurrency, context: FakeContext) -> None:
        response = Response(200, body=make_body([b"a", b"b"]))

        async def send(exchange: Exchange) -> Response:
            if way == "failed":
                raise Fault(errors.ENDPOINT_CONNECTION_FAILED)
            return response

        exchange = make_exchange()
        if way == "failed":
            with pytest.raises(Fault):
                await policy.around(exchange, send)
        else:
            await policy.around(exchange, send)
            assert 1 == under_way(policy)
        if way == "read":
            await response.body.read()
        elif way == "dropped":
            response.body.close()
        for callback in exchange._deferred:
            callback()
        assert 0 == under_way(policy)

    with_limit_of_one(scenario)


def test_the_first_limit_lies_between_the_bounds() -> None:
    with pytest.raises(Exception, match="must lie between"):
        build(AdaptiveConcurrency, {"initial_limit": 2, "min_limit": 3})
