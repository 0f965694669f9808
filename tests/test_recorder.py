"""The recorder: records reach sinks in batches, nothing waits for a sink, and what is lost is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from apim_sdk import Client, Record, Sink
from apim_sdk.testing import make_exchange
from support.gateway import run

from apim_core.recorder import Recorder


class Keep(Sink):
    """Keeps batches; waits for its gate, and refuses the batches that ``refuse`` names."""

    def __init__(self, *, open_: bool = True, refuse: Sequence[int] = ()) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.calls = 0
        self._refuse = refuse
        if open_:
            self.gate.set()

    async def write(self, batch: Sequence[Record]) -> None:
        self.calls += 1
        number = self.calls
        self.entered.set()
        await self.gate.wait()
        if number in self._refuse:
            raise ConnectionError("the broker is away")
        self.batches.append([record.status for record in batch])


class Failures:
    """What a recorder was told of."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, name: str, error: BaseException) -> None:
        self.seen.append((name, str(error)))


def record(number: int) -> Record:
    exchange = make_exchange("GET /")
    exchange.client = Client(ip_address("127.0.0.1"))
    return Record(exchange, number, 0.0)


def recorder(*sinks: Sink, **settings: float) -> tuple[Recorder, Failures]:
    failures = Failures()
    return Recorder([(f"sink-{n}", sink) for n, sink in enumerate(sinks)], failures, **settings), failures  # type: ignore[arg-type]


async def until(condition: object) -> None:
    """Wait for a condition, for ten seconds at most."""
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_without_sinks_no_record_is_wanted() -> None:
    assert [False, True] == [recorder()[0].wanted, recorder(Keep())[0].wanted]


def test_records_of_a_moment_reach_the_sink_as_one_batch_in_order() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, interval=0.01)
        for number in range(5):
            made.add(record(number))
        assert ([], 5) == (sink.batches, made.waiting)
        await until(lambda: sink.batches)
        assert ([[0, 1, 2, 3, 4]], 0) == (sink.batches, made.waiting)

    run(scenario())


def test_a_batch_is_bounded() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, batch=2, interval=0.0)
        for number in range(5):
            made.add(record(number))
        await until(lambda: len(sink.batches) == 3)
        assert [[0, 1], [2, 3], [4]] == sink.batches

    run(scenario())


def test_a_batch_is_gathered_for_the_interval() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, interval=0.05)
        begun = time.monotonic()
        made.add(record(1))
        await until(lambda: sink.batches)
        assert 0.05 <= time.monotonic() - begun + 0.002

    run(scenario())


def test_adding_never_waits_for_a_sink() -> None:
    async def scenario() -> None:
        sink = Keep(open_=False)
        made, _ = recorder(sink, interval=0.0)
        made.add(record(1))
        await sink.entered.wait()
        made.add(record(2))
        assert (1, 1) == (sink.calls, made.waiting)
        sink.gate.set()
        await until(lambda: [[1], [2]] == sink.batches)

    run(scenario())


def test_a_sink_gets_its_next_batch_only_when_it_is_done_with_the_one_before() -> None:
    async def scenario() -> None:
        sink = Keep(open_=False)
        made, _ = recorder(sink, batch=1, interval=0.0)
        made.add(record(1))
        made.add(record(2))
        await sink.entered.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert 1 == sink.calls
        sink.gate.set()
        await made.stop()
        assert 2 == sink.calls

    run(scenario())


def test_what_finds_the_ring_full_is_dropped_and_counted() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, capacity=3)
        for number in range(5):
            made.add(record(number))
        assert (2, 3) == (made.dropped, made.waiting)
        await made.stop()
        assert [[0, 1, 2]] == sink.batches

    run(scenario())


def test_a_full_ring_takes_records_again_once_it_is_emptied() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, capacity=1, interval=0.0)
        made.add(record(1))
        made.add(record(2))
        await until(lambda: sink.batches)
        made.add(record(3))
        await until(lambda: len(sink.batches) == 2)
        assert ([[1], [3]], 1) == (sink.batches, made.dropped)

    run(scenario())


def test_a_batch_that_a_sink_refuses_is_lost_counted_and_told() -> None:
    async def scenario() -> None:
        sink = Keep(refuse=[1])
        made, failures = recorder(sink, batch=2, interval=0.0)
        for number in range(4):
            made.add(record(number))
        await until(lambda: sink.batches)
        assert ([[2, 3]], 2) == (sink.batches, made.dropped)
        assert [("sink-0", "the broker is away")] == failures.seen

    run(scenario())


def test_a_slow_sink_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        slow, quick = Keep(open_=False), Keep()
        made, _ = recorder(slow, quick, interval=0.0)
        made.add(record(1))
        await until(lambda: quick.batches)
        assert [] == slow.batches
        slow.gate.set()
        await made.stop()
        assert [[1]] == slow.batches

    run(scenario())


def test_stop_hands_over_what_waits_without_waiting_for_the_interval() -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, interval=3600.0)
        made.add(record(1))
        await asyncio.wait_for(made.stop(), 10)
        assert ([[1]], 0) == (sink.batches, made.waiting)

    run(scenario())


def test_stop_hands_over_what_came_while_a_batch_was_being_written() -> None:
    async def scenario() -> None:
        sink = Keep(open_=False)
        made, _ = recorder(sink, interval=0.0)
        made.add(record(1))
        await sink.entered.wait()
        made.add(record(2))
        stopping = asyncio.ensure_future(made.stop())
        await asyncio.sleep(0)
        sink.gate.set()
        await stopping
        assert [[1], [2]] == sink.batches

    run(scenario())


@pytest.mark.parametrize("begun", [False, True], ids=["nothing is being written", "a batch is being written"])
def test_stop_does_not_wait_for_ever_for_a_sink_and_counts_what_it_loses(begun: bool) -> None:
    async def scenario() -> None:
        stuck, good = Keep(open_=False), Keep()
        made, failures = recorder(stuck, good, batch=2, interval=0.0 if begun else 3600.0)
        for number in range(5):
            made.add(record(number))
        if begun:
            await stuck.entered.wait()
        await asyncio.wait_for(made.stop(0.05), 10)
        assert (5, 0) == (made.dropped, made.waiting)
        assert [("sink-0", "it did not take the last records within 0.05 s")] == failures.seen
        assert [[0, 1], [2, 3], [4]] == good.batches

    run(scenario())


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_every_record_is_handed_over_or_counted(count: int) -> None:
    async def scenario() -> None:
        sink = Keep()
        made, _ = recorder(sink, capacity=100, batch=7, interval=0.0)
        for number in range(count):
            made.add(record(number))
            if number % 150 == 149:
                await asyncio.sleep(0.002)
        await made.stop()
        assert count == sum(map(len, sink.batches)) + made.dropped

    run(scenario())
