"""Workers that count together: over real socket pairs, with the supervisor's end in the same loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from apim_sdk import Limit
from apim_sdk.testing import FakeClock
from apim_sdk.testing.recorders import FakeLog

from apim_core.counters import NodeCounters, NodeLedger
from apim_core.counters import worker as worker_module
from apim_core.counters.messages import framed
from apim_core.metrics import Metrics

LIMIT = Limit(5, 60.0)


class Node:
    """A supervisor's counters, and as many workers as are asked for."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.count = 0
        self.counters = NodeLedger(FakeClock(), 1000, lambda: self.count, self.log)
        self.workers: list[NodeCounters] = []

    async def worker(self, timeout: float = 5.0) -> NodeCounters:
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        await self.counters.attach(ours, len(self.workers) + 1)
        self.workers.append(await NodeCounters.open(theirs, timeout))
        return self.workers[-1]


@contextlib.asynccontextmanager
async def node() -> AsyncIterator[Node]:
    made = Node()
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.close()
            await worker.closed()


def test_workers_count_together() -> None:
    async def scenario() -> Any:
        async with node() as made:
            one, other = [(await made.worker()).counter("x", LIMIT) for _ in range(2)]
            granted = [await one.grant("a", 1, 3), await other.grant("a", 1, 3), await one.grant("a", 1, 3)]
            settled = await other.settle("a", -2)
            await one.reset("a")
            return [each.units for each in granted], settled.remaining, (await other.settle("a", 0)).remaining

    assert ([3, 2, 0], 2, 5) == asyncio.run(scenario())


def test_the_questions_of_one_turn_go_together() -> None:
    async def scenario() -> Any:
        async with node() as made:
            worker, metrics = await made.worker(), Metrics()
            worker.measure(metrics)
            counters = [worker.counter(name, LIMIT) for name in "xy"]
            grants = await asyncio.gather(*[counter.grant("a", 1, 1) for counter in counters for _ in range(10)])
            return [grant.units for grant in grants], metrics.exposition().decode()

    granted, exposition = asyncio.run(scenario())
    assert [1] * 5 + [0] * 5 + [1] * 5 + [0] * 5 == granted
    assert 'apim_counter_decisions_total{store="node"} 20.0' in exposition
    assert 'apim_counter_batch_count{store="node"} 1.0' in exposition


def test_the_limit_that_is_used_last_holds_and_counts_go_on() -> None:
    async def scenario() -> Any:
        async with node() as made:
            worker = await made.worker()
            before = worker.counter("x", Limit(5, 60.0))
            await before.grant("a", 4, 4)
            prepared = worker.counter("x", Limit(100, 60.0))  # of a reload that is not in force yet
            still = (await before.settle("a", 0)).remaining
            return still, (await prepared.settle("a", 0)).remaining, (await before.settle("a", 0)).remaining

    assert (1, 96, 96) == asyncio.run(scenario())


def test_members_are_the_workers_there_are_and_at_least_whoever_asks() -> None:
    async def scenario() -> Any:
        async with node() as made:
            worker = await made.worker()
            alone = await worker.members()
            made.count = 3
            return alone, await worker.members()

    assert (1, 3) == asyncio.run(scenario())


def test_a_worker_that_ends_leaves_the_others_and_the_counts_alone() -> None:
    async def scenario() -> Any:
        async with node() as made:
            one, other = await made.worker(), await made.worker()
            await one.counter("x", LIMIT).grant("a", 4, 4)
            one.close()
            await one.closed()
            with pytest.raises(ConnectionError, match="the supervisor is gone"):
                await one.counter("x", LIMIT).grant("a", 1, 1)
            return (await other.counter("x", LIMIT).grant("a", 1, 5)).units

    assert 1 == asyncio.run(scenario())


def test_what_waits_when_the_supervisor_ends_fails() -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        worker = await NodeCounters.open(theirs)
        waiting = [worker.counter("x", LIMIT).grant("a", 1, 1) for _ in range(3)]
        await asyncio.sleep(0)
        ours.close()
        for each in waiting:
            with pytest.raises(ConnectionError):
                await each
        await worker.closed()

    asyncio.run(scenario())


def test_a_supervisor_that_does_not_answer_costs_the_time_out_and_no_more() -> None:
    async def scenario() -> Any:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        worker, metrics = await NodeCounters.open(theirs, 0.05), Metrics()
        worker.measure(metrics)
        with pytest.raises(TimeoutError, match=r"has not answered within 0\.05 s"):
            await worker.counter("x", LIMIT).grant("a", 1, 1)
        ours.close()
        await worker.closed()
        return metrics.exposition().decode()

    assert 'apim_counter_errors_total{error="timeout",store="node"} 1.0' in asyncio.run(scenario())


def test_no_more_questions_wait_than_there_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_MOST_WAITING", 3)

    async def scenario() -> Any:
        async with node() as made:
            counter = (await made.worker()).counter("x", LIMIT)
            return await asyncio.gather(*[counter.grant("a", 1, 1) for _ in range(5)], return_exceptions=True)

    results = asyncio.run(scenario())
    assert [ConnectionError] * 2 == [type(each) for each in results[3:]]
    assert [1, 1, 1] == [each.units for each in results[:3]]


def test_a_caller_that_stops_waiting_disturbs_nobody() -> None:
    async def scenario() -> Any:
        async with node() as made:
            counter = (await made.worker()).counter("x", LIMIT)
            first, second = counter.grant("a", 1, 1), counter.grant("a", 1, 1)
            assert isinstance(first, asyncio.Future)
            first.cancel()
            return (await second).remaining

    assert 3 == asyncio.run(scenario())


def test_a_key_that_is_too_long_is_refused_at_once() -> None:
    async def scenario() -> None:
        async with node() as made:
            with pytest.raises(ValueError, match="513 characters is too long"):
                (await made.worker()).counter("x", LIMIT).grant("k" * 513, 1, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("key", ["", "\x00", "\ud800", "a" * 512, "\U0001f600" * 512])
def test_a_key_may_be_any_text(key: str) -> None:
    async def scenario() -> Any:
        async with node() as made:
            counter = (await made.worker()).counter("x", LIMIT)
            await asyncio.gather(*[counter.grant(key, 1, 1) for _ in range(300)])
            return (await counter.settle(key, 0)).remaining

    assert 0 == asyncio.run(scenario())


def test_numbers_of_counters_that_nobody_has_any_more_are_used_again() -> None:
    async def scenario() -> Any:
        async with node() as made:
            worker = await made.worker()
            for number in range(50):
                await worker.counter(f"{number}", LIMIT).grant("a", 1, 1)
                gc.collect()
            kept = worker.counter("kept", LIMIT)
            return kept._number < 5, (await kept.grant("a", 1, 9)).units, len(made.counters.ledger)

    assert (True, 5, 51) == asyncio.run(scenario())


@pytest.mark.parametrize(
    "message", [b"nonsense", b'[0,7,"k",1,1]', b'[3,0,"n",[],0,0,0,"k",1,1]', b'[9,0,"k",1,1]', b'[0,0,"k",0,0]']
)
def test_a_worker_that_asks_what_is_no_question_is_cut_off_and_the_others_go_on(message: bytes) -> None:
    async def scenario() -> Any:
        async with node() as made:
            good, bad = await made.worker(), await made.worker()
            await bad.counter("x", LIMIT).grant("a", 1, 1)
            bad._connection._transport.write(framed(message))
            await bad.closed()
            return (await good.counter("x", LIMIT).grant("a", 1, 9)).units, [line.event for line in made.log.lines]

    units, events = asyncio.run(scenario())
    assert (4, ["a worker asks what is no question"]) == (units, events)
