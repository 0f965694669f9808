"""`watch-messages`: messages are counted, and a sample of them is logged where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from apim_analytics.watch_messages import WatchMessages
from apim_sdk import Message
from apim_sdk.testing import FakeContext, build, make_exchange, started
from support.gateway import run
from support.streaming import streaming, through


def logged(settings: Any, messages: Sequence[Message], pause: Callable[[FakeContext], None] = lambda _: None) -> Any:
    """The lines of a policy that saw these messages."""

    async def watch() -> Any:
        context = FakeContext()
        exchange = make_exchange(id="0193-7")
        async with started(build(WatchMessages, settings), context) as policy:
            for message in messages:
                policy.on_message(exchange, message)
                pause(context)
        return context.log.lines

    return asyncio.run(watch())


def numbered(count: int) -> list[Message]:
    return [Message("to_client", "text", str(number).encode()) for number in range(1, count + 1)]


def contents(lines: Any) -> list[str]:
    return [line.facts["content"] for line in lines]


def test_nothing_is_logged_unless_asked_for() -> None:
    assert [] == list(logged({}, numbered(1000)))


def test_every_nth_message_is_logged() -> None:
    assert ["4", "8"] == contents(logged({"log": {"every": 4, "content": 8}}, numbered(11)))


def test_one_message_in_each_time_is_logged() -> None:
    lines = logged({"log": {"interval": "1s", "content": 8}}, numbered(7), lambda context: context.clock.advance(0.4))

    assert ["1", "4", "7"] == contents(lines)


def test_about_a_part_of_the_messages_is_logged() -> None:
    assert 300 < len(logged({"log": {"probability": 0.5}}, numbered(1000))) < 700
    assert 1000 == len(logged({"log": {"probability": 1}}, numbered(1000)))


def test_a_line_says_what_the_message_was_and_nothing_of_its_data() -> None:
    event = Message("to_client", "event", b"secret", event="price")

    [line] = logged({"log": {"every": 1}}, [event])

    assert "a message" == line.event
    assert {
        "exchange_id": "0193-7",
        "api": make_exchange().api.name,
        "direction": "to_client",
        "kind": "event",
        "size": 6,
        "name": "price",
    } == line.facts


def test_as_much_of_the_data_as_asked_for_is_in_the_line() -> None:
    messages = [Message("to_client", "text", "größe".encode()), Message("to_backend", "binary", b"\x00\xff\x01\x02")]

    assert ["grö", "00ff0102"] == contents(logged({"log": {"every": 1, "content": 4}}, messages))


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ({}, "name one of"),
        ({"every": 2, "interval": "1s"}, "name one of"),
        ({"every": 0}, ">= 1"),
        ({"interval": "0s"}, "1ms or longer"),
        ({"probability": 0}, "> 0"),
        ({"probability": 1.5}, "<= 1"),
        ({"every": 1, "content": "1MiB"}, "at most 2048"),
    ],
)
def test_a_sample_that_makes_no_sense_is_refused(log: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        build(WatchMessages, {"log": log})


def test_it_has_streams_read_that_nothing_else_reads(tmp_path: Path) -> None:
    async def scenario() -> tuple[bytes, list[str]]:
        steps = "{watch-messages: {log: {every: 1}}, when_message: 'message.size > 3'}"
        async with streaming() as streams, through(streams.port, tmp_path, steps) as served:
            streams.say(b"data: x\n\ndata: long\n\n", None)
            await served.get("/live/events")
            lines = [str(line["size"]) for line in served.log if line["event"] == "a message"]
            return served.gateway.metrics.exposition(), lines

    exposed, lines = run(scenario)

    assert ["4"] == lines
    assert b'apim_messages_total{api="live",direction="to_client",outcome="passed",version="1.0"} 2.0' in exposed
