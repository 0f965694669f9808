"""Nodes tell each other through a store that a breaker has opened; each counts for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
from apim_sdk.testing import Answer, FakeClock, FakeContext, FakeEndpoint, build, make_exchange, run, started
from apim_sdk.testing.store import FakeStore
from apim_traffic.circuit_breaker import CircuitBreaker
from apim_traffic.openings import Opening
from hypothesis import given
from hypothesis import strategies as st

GOOD, BAD = Answer(200), Answer(503)
SETTINGS = {"minimum_calls": 2, "probes": 1, "shared": "nodes", "key": "request.path"}


@attrs.define
class Node:
    policy: CircuitBreaker
    context: FakeContext

    async def calls(self, *answers: Answer, path: str = "/a") -> list[bool]:
        """Whether each reached the endpoint; then whoever follows has heard of it."""
        outcomes = [
            await run(self.policy, make_exchange(f"GET {path}"), endpoint=FakeEndpoint(answer)) for answer in answers
        ]
        await heard()
        return [outcome.reached_endpoint for outcome in outcomes]

    @property
    def store_failures(self) -> float:
        name = "apim_circuit_breaker_store_failures_total"
        return self.context.metrics.counters.get((name, self.context.place), 0)


async def heard() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


Scenario = Callable[[Node, Node, FakeStore, FakeClock], Coroutine[Any, Any, None]]


def with_two_nodes(scenario: Scenario, **settings: Any) -> None:
    async def body() -> None:
        clock = FakeClock()
        store = FakeStore(clock.now)
        nodes = []
        contexts = [FakeContext(clock=clock, stores={"nodes": store}) for _ in range(2)]
        async with (
            started(build(CircuitBreaker, {**SETTINGS, **settings}), contexts[0]) as first,
            started(build(CircuitBreaker, {**SETTINGS, **settings}), contexts[1]) as second,
        ):
            nodes = [Node(first, contexts[0]), Node(second, contexts[1])]
            await heard()
            await scenario(*nodes, store, clock)

    asyncio.run(body())


def test_an_opening_holds_for_the_other_node() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await other.calls(GOOD)
        await one.calls(BAD, BAD)
        assert [False] == await other.calls(GOOD)
        assert [True] == await other.calls(GOOD, path="/b"), "of that key alone"

    with_two_nodes(scenario)


def test_an_opening_holds_for_a_breaker_that_the_other_node_makes_later() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await one.calls(BAD, BAD)
        clock.advance(9)
        assert [False] == await other.calls(GOOD)
        clock.advance(1)
        assert [True] == await other.calls(GOOD)

    with_two_nodes(scenario)


def test_what_one_node_sees_is_not_counted_by_the_other() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await one.calls(BAD)
        await other.calls(BAD)
        assert [True, True] == [*await one.calls(GOOD), *await other.calls(GOOD)]

    with_two_nodes(scenario, failure_ratio=0.6)


def test_when_one_node_has_found_it_well_the_other_probes_it() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await other.calls(GOOD)
        await one.calls(BAD, BAD)
        clock.advance(10)
        await one.calls(GOOD)
        reasons = [line.facts["reason"] for line in other.context.log.lines]
        assert ["another node opened it", "another node's opening is over"] == reasons
        assert [True] == await other.calls(GOOD)
        assert "its probes were answered" == other.context.log.lines[-1].facts["reason"]

    with_two_nodes(scenario)


def test_a_longer_opening_of_another_node_takes_the_place_of_a_shorter_one() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await other.calls(GOOD)
        await one.calls(BAD, BAD)
        clock.advance(10)
        await one.calls(BAD)
        clock.advance(19)
        assert [False] == await other.calls(GOOD)
        clock.advance(1)
        assert [True] == await other.calls(GOOD)

    with_two_nodes(scenario)


def test_an_opening_that_was_heard_is_not_said_again() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        said = []
        put = store.put
        store.put = lambda key, *rest: said.append(key) or put(key, *rest)  # type: ignore[method-assign,func-returns-value]
        await other.calls(GOOD)
        await one.calls(BAD, BAD)
        assert 1 == len(said)

    with_two_nodes(scenario)


def test_what_is_written_into_the_store_opens_no_breaker_for_longer_than_its_bound() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        await one.calls(BAD, BAD)
        ((key, _),) = [pair async for pair in store.scan("circuit-breaker/")]
        await store.put(key, Opening(1e9, clock.now() + 1e9, "a stranger").encode())
        assert [False] == await other.calls(GOOD)
        clock.advance(60)
        assert [True] == await other.calls(GOOD)

    with_two_nodes(scenario, max_open_duration="1m")


def test_while_the_store_is_away_each_node_goes_by_what_it_sees() -> None:
    async def scenario(one: Node, other: Node, store: FakeStore, clock: FakeClock) -> None:
        store.away = True
        assert [True, True, False] == await one.calls(BAD, BAD, GOOD)
        assert [True] == await other.calls(GOOD)
        assert (1, 0) == (one.store_failures, other.store_failures)
        assert "the store of openings is away" in one.context.log.lines[-1].event

    with_two_nodes(scenario)


def test_a_store_that_is_away_at_the_start_is_followed_when_it_is_back() -> None:
    async def body() -> None:
        clock = FakeClock()
        store = FakeStore(clock.now)
        store.away = True
        context = FakeContext(clock=clock, stores={"nodes": store})
        async with started(build(CircuitBreaker, SETTINGS), context) as policy:
            node = Node(policy, context)
            await node.calls(GOOD)
            store.away = False
            async with asyncio.timeout(5):
                while not store._followers:
                    await asyncio.sleep(0.01)
            other = FakeContext(clock=clock, stores={"nodes": store})
            async with started(build(CircuitBreaker, SETTINGS), other) as second:
                await heard()
                await Node(second, other).calls(BAD, BAD)
            assert [False] == await node.calls(GOOD)

    asyncio.run(body())


@given(st.binary() | st.sampled_from((b'{"duration": -1, "until": 1, "node": ""}', b"[]", b'{"duration": 1e999}')))
def test_whatever_is_in_the_store_is_an_opening_or_nothing(value: bytes) -> None:
    opening = Opening.decode(value)

    assert opening is None or opening.duration > 0


def test_clocks_that_differ_cannot_make_an_opening_longer_than_it_is() -> None:
    assert 10 == Opening(10, 2_000_000_000.0, "ahead").remaining(1_000_000_000.0)
