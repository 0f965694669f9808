"""Event streams whose events policies see, between a real client and a real backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from apim_sdk import Body, Close, Drop, Message, Reject, Respond, Response
from apim_sdk.testing import Chunks, make_exchange
from hypothesis import given
from hypothesis import strategies as st
from support.gateway import Served, api, run, serving
from support.streaming import Streams, streaming, through, watching

from apim_core.messages.event_body import EventBody
from apim_core.messages.judging import Judges
from apim_core.steps import CompiledStep

WATCHING = "{watching: {}}"


def scene(
    folder: Path,
    scenario: Callable[[Served, Streams, list[Message]], Any],
    act: Callable[[Message], Any] = lambda message: None,
    **more: Any,
) -> Any:
    """Run ``scenario`` before a gateway with one policy that does ``act`` to every event."""

    async def body() -> Any:
        policy, seen = watching(act)
        async with (
            streaming() as streams,
            through(streams.port, folder, WATCHING, watching=policy, **more) as served,
        ):
            return await scenario(served, streams, seen)

    return run(body)


async def streamed(served: Served, streams: Streams, *chunks: bytes) -> bytes:
    """What of a stream of these chunks arrives."""
    streams.say(*chunks, None)
    answer = await served.get("/live/events")
    assert 200 == answer.status
    return answer.body


def test_f57_each_event_arrives_before_the_next_is_sent(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        async with served.session.get(f"{served.url}/live/events") as response, asyncio.timeout(10):
            for number in range(3):
                event = b"id: %d\r\ndata: x\r\n\r\n" % number
                streams.say(event[:5], event[5:])
                assert event == await response.content.readexactly(len(event))
            streams.say(b"data: last\r\r")
            assert b"data: last\r\r" == await response.content.readexactly(12), "not held back for a line feed"
            streams.say(None)
            assert b"" == await response.content.read()
        assert ["0", "1", "2", None] == [message.id for message in seen]
        assert {("event", "to_client")} == {(message.kind, message.direction) for message in seen}

    scene(tmp_path, scenario)


def test_what_nobody_changes_arrives_byte_by_byte_as_it_was(tmp_path: Path) -> None:
    stream = b"\xef\xbb\xbf: hello\r\n\r\ndata:a\rdata: b\r\r\n:\n\nretry:7\n\ndata: \xff\n\nid:1\nevent: e\ndata: half"

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert stream == await streamed(served, streams, stream[:9], stream[9:])
        assert [b"a\nb", b"\xff"] == [message.data for message in seen]

    scene(tmp_path, scenario)


def test_an_event_is_changed_or_dropped(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        if message.data == b"secret":
            raise Drop
        if message.data == b"old":
            message.text, message.event, message.id, message.retry = "new\nlines", "news", "9", 5

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        arrived = await streamed(served, streams, b"data: a\n\ndata: secret\n\n: c\n\ndata: old\n\n")
        assert b"data: a\n\n: c\n\nevent: news\nid: 9\nretry: 5\ndata: new\ndata: lines\n\n" == arrived

    scene(tmp_path, scenario, act)


@pytest.mark.parametrize("end", [Reject(429), Close(1000)])
def test_a_stream_ends_behind_the_last_event_that_passed_and_the_backend_is_let_go(
    tmp_path: Path, end: Exception
) -> None:
    def act(message: Message) -> None:
        if message.data == b"b":
            raise end

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        streams.say(b"data: a\n\ndata: b\n\ndata: c\n\n")  # and no end
        answer = await served.get("/live/events")
        assert (200, b"data: a\n\n") == (answer.status, answer.body)
        for _ in range(1000):  # a backend finds out when it writes
            streams.say(b"data: d\n\n")
            await asyncio.sleep(0.005)
            if streams.gone.is_set():
                break
        assert streams.gone.is_set()
        assert [b"a", b"b"] == [message.data for message in seen]
        assert [] == served.log

    scene(tmp_path, scenario, act)


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), Respond(Response(200))])
def test_where_a_policy_fails_the_stream_breaks_and_does_not_look_whole(tmp_path: Path, error: Exception) -> None:
    def act(message: Message) -> None:
        if message.data == b"b":
            raise error

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        streams.say(b"data: a\n\ndata: b\n\n")
        async with served.session.get(f"{served.url}/live/events") as response:
            assert b"data: a\n\n" == await response.content.readexactly(9)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        assert "watching" in [line.get("plugin") for line in served.log]

    scene(tmp_path, scenario, act)


def test_a_type_of_two_lines_is_a_failure_of_the_policy(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        message.event = "a\ndata: forged"

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        streams.say(b"data: a\n\n", None)
        with pytest.raises(aiohttp.ClientPayloadError):
            await served.get("/live/events")

    scene(tmp_path, scenario, act)


def test_an_event_that_is_too_large_breaks_the_stream(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        small, large = b"data: a\n\n", b"data: " + b"x" * 2000
        assert small == await streamed(served, streams, small)
        streams.say(small, large)
        with pytest.raises(aiohttp.ClientPayloadError):
            await served.get("/live/events")

    scene(tmp_path, scenario, rest="limits: {message: 1KiB}")


def test_a_stream_is_asked_for_without_compression(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        await streamed(served, streams, b"data: a\n\n")
        assert "identity" == streams.headers[0]["Accept-Encoding"]

    scene(tmp_path, scenario)


def test_an_answer_that_is_no_event_stream_is_nobody_s_business(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        streams.content_type = "application/x-ndjson"
        assert b"data: a\n\n" == await streamed(served, streams, b"data: a\n\n")
        assert [] == seen

    scene(tmp_path, scenario)


def test_a_stream_that_is_compressed_all_the_same_is_answered_for_with_502(tmp_path: Path) -> None:
    headers = "{Content-Type: text/event-stream, Content-Encoding: br}"

    async def scenario() -> int:
        policy, _ = watching()
        text = api(flows=f"{{request: [{WATCHING}]}}", endpoint=f"{{mock: {{body: x, headers: {headers}}}}}")
        async with serving(text, tmp_path, watching=policy) as served:
            return (await served.get("/api/items/1")).status

    assert 502 == run(scenario)


def test_events_of_an_answer_that_is_all_there_are_seen(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        message.text = message.text.upper()

    async def scenario() -> bytes:
        policy, _ = watching(act)
        endpoint = r'{mock: {body: "data: a\n\ndata: b\n\n", headers: {Content-Type: Text/Event-Stream}}}'
        async with serving(api(flows=f"{{request: [{WATCHING}]}}", endpoint=endpoint), tmp_path, watching=policy) as it:
            assert b"" == (await it.call("HEAD", "/api/items/1")).body
            return (await it.get("/api/items/1")).body

    assert b"data: A\n\ndata: B\n\n" == run(scenario)


pieces = st.lists(st.sampled_from([b"data: x", b"data:", b": c", b"id: 1", b"\n", b"\r", b"\r\n", b"y"]), max_size=30)


@given(pieces, st.data())
def test_with_a_policy_that_lets_all_pass_any_splitting_gives_the_same_bytes(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    async def seen_of(*chunks: bytes) -> tuple[bytes, list[bytes]]:
        policy, seen = watching()
        step = CompiledStep("watching", policy().on_message)  # type: ignore[attr-defined]
        judges = Judges(make_exchange(), (step,), lambda *_: None)
        body = Body.arriving(EventBody(Chunks(chunks), judges, 1000))
        return await body.read(), [message.data for message in seen]

    whole = asyncio.run(seen_of(stream))
    assert stream == whole[0]
    assert whole == asyncio.run(seen_of(*chunks))
