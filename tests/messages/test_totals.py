"""Totals of streams in their records, and metrics of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import Close, Drop, Message, Record, Reject, Sink
from support.gateway import Served, run
from support.streaming import Streams, streaming, through, watching

TOTALS = ("stream", "received", "sent", "bytes_received", "bytes_sent", "refused", "dropped", "closed_by")


@attrs.frozen
class Keeping(Sink):
    """Keeps records."""

    async def write(self, batch: Sequence[Record]) -> None:
        RECORDS.extend(batch)


RECORDS: list[Record] = []


def act(message: Message) -> None:
    """Do what a message says."""
    if message.direction == "to_backend" and message.kind != "event":
        word = message.data.partition(b" ")[0]
        if word == b"refuse":
            raise Reject(400, "no")
        if word == b"drop":
            raise Drop
        if word == b"close":
            raise Close(4000)
        if word == b"fail":
            raise RuntimeError("by mistake")
    elif message.event == "refuse":
        raise Reject(429, "no")
    elif message.event == "drop":
        raise Drop


def scene(folder: Path, steps: str, scenario: Callable[[Served, Streams], Any]) -> tuple[Record, dict[str, float]]:
    """The record of the one exchange, and what the metrics of messages say."""

    async def body() -> tuple[Record, dict[str, float]]:
        RECORDS.clear()
        policy, _ = watching(act)
        async with streaming() as streams:
            through_it = through(
                streams.port, folder, steps, rest="sinks: [{keeping: {}}]", watching=policy, keeping=Keeping
            )
            async with through_it as served:
                await scenario(served, streams)
            exposed = served.gateway.metrics.exposition().decode().splitlines()
        metrics = {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in exposed)
            if name.startswith("apim_message")
        }
        [record] = RECORDS
        return record, metrics

    return run(body)


def totals(record: Record) -> dict[str, Any]:
    assert record.messages is not None
    return {name: getattr(record.messages, name) for name in TOTALS}


def said(*messages: str, answers: int) -> Callable[[Served, Streams], Any]:
    async def scenario(served: Served, streams: Streams) -> None:
        async with served.session.ws_connect(f"{served.url}/live/echo") as socket:
            for message in messages:
                await socket.send_str(message)
            for _ in range(answers):
                await socket.receive(timeout=10)

    return scenario


def test_the_record_of_a_websocket_has_its_totals(tmp_path: Path) -> None:
    record, metrics = scene(
        tmp_path, "{watching: {}, name: watcher}", said("grüß", "drop it", "refuse it", "last", answers=3)
    )

    assert {
        "stream": "websocket",
        "received": 2,
        "sent": 2,
        "bytes_received": 10,
        "bytes_sent": 10,
        "refused": 1,
        "dropped": 1,
        "closed_by": None,
    } == totals(record)
    assert {
        'apim_messages_total{api="live",direction="to_backend",outcome="passed",version="1.0"}': 2,
        'apim_messages_total{api="live",direction="to_client",outcome="passed",version="1.0"}': 2,
        'apim_messages_total{api="live",direction="to_backend",outcome="dropped",version="1.0"}': 1,
        'apim_messages_total{api="live",direction="to_backend",outcome="refused",version="1.0"}': 1,
        'apim_message_bytes_total{api="live",direction="to_backend",version="1.0"}': 10,
        'apim_message_bytes_total{api="live",direction="to_client",version="1.0"}': 10,
    } == metrics


@pytest.mark.parametrize(("word", "outcome"), [("close", "closed"), ("fail", "failed")])
def test_the_record_names_the_step_that_ended_the_stream(tmp_path: Path, word: str, outcome: str) -> None:
    record, metrics = scene(tmp_path, "{watching: {}, name: watcher}", said(word, answers=1))

    assert "watcher" == totals(record)["closed_by"]
    assert 1 == metrics[f'apim_messages_total{{api="live",direction="to_backend",outcome="{outcome}",version="1.0"}}']


def test_the_record_of_an_event_stream_has_its_totals(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams) -> None:
        streams.say(b"data: one\n\n: ping\n\nevent: drop\ndata: x\n\n", b"data: two!\n\nevent: refuse\ndata: y\n\n")
        answer = await served.get("/live/events")
        assert b"data: one\n\n: ping\n\ndata: two!\n\n" == answer.body

    record, _ = scene(tmp_path, "{watching: {}, name: watcher}", scenario)

    assert {
        "stream": "events",
        "received": 0,
        "sent": 2,
        "bytes_received": 0,
        "bytes_sent": 7,
        "refused": 1,
        "dropped": 1,
        "closed_by": "watcher",
    } == totals(record)


@pytest.mark.parametrize("path", ["/live/nowhere", "/live/echo"])
def test_what_is_no_stream_has_no_totals(tmp_path: Path, path: str) -> None:
    async def scenario(served: Served, streams: Streams) -> None:
        await served.get(path)

    record, metrics = scene(tmp_path, "{watching: {}}", scenario)

    assert record.messages is None
    assert {} == metrics


def test_messages_that_nobody_sees_are_not_counted(tmp_path: Path) -> None:
    record, metrics = scene(tmp_path, "{set-header: {name: X, value: y}}", said("a", answers=1))

    assert record.messages is None
    assert {} == metrics


def test_a_client_that_goes_away_has_a_record_of_what_it_got(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams) -> None:
        streams.say(b"data: one\n\n")
        async with served.session.get(f"{served.url}/live/events") as response:
            assert b"data: one\n\n" == await response.content.readuntil(b"\n\n")
        await asyncio.wait_for(streams.gone.wait(), 10)

    record, _ = scene(tmp_path, "{watching: {}}", scenario)

    assert (499, 1) == (record.status, totals(record)["sent"])
