"""WebSockets whose messages policies see, between a real client and a real backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import WSMsgType
from apim_sdk import Close, Drop, Exchange, Message, Policy, Reject, Respond, Response
from apim_sdk.testing import make_exchange
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.backend import backend
from support.gateway import Served, run
from support.streaming import Streams, handshake, raw_frame, streaming, switched, through, watching

from apim_core.messages.judging import Judges
from apim_core.messages.tunnel import MessageTunnel
from apim_core.steps import CompiledStep

WATCHING = "{watching: {}}"
Scenario = Callable[[Served, Streams, list[Message]], Any]


def scene(folder: Path, scenario: Scenario, act: Callable[[Message], Any] = lambda message: None, **more: Any) -> Any:
    """Run ``scenario`` before a gateway with one policy that does ``act`` to every message."""

    async def body() -> Any:
        policy, seen = watching(act)
        async with (
            streaming() as streams,
            through(streams.port, folder, "{watching: {}}", watching=policy, **more) as served,
        ):
            return await scenario(served, streams, seen)

    return run(body)


async def told(served: Served, *messages: str | bytes, answers: int) -> list[Any]:
    """What comes back for messages: data, or the code of a close."""
    async with served.session.ws_connect(f"{served.url}/live/echo") as socket:
        for message in messages:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
        return [(await socket.receive(timeout=10)).data for _ in range(answers)]


def test_messages_pass_both_ways_and_a_policy_sees_each(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert ["grüß", b"\x00\xff"] == await told(served, "grüß", b"\x00\xff", answers=2)
        assert ["grüß", b"\x00\xff"] == streams.received
        kinds = {(message.direction, message.kind, message.data) for message in seen}
        ways = ("to_backend", "to_client")
        assert kinds == {(way, "text", "grüß".encode()) for way in ways} | {
            (way, "binary", b"\x00\xff") for way in ways
        }

    scene(tmp_path, scenario)


def test_a_policy_changes_messages_each_way(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        message.text += f" {message.direction}"

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert ["a to_backend to_client"] == await told(served, "a", answers=1)
        assert ["a to_backend"] == streams.received

    scene(tmp_path, scenario, act)


def test_a_policy_that_waits_may_change_messages_too(tmp_path: Path) -> None:
    async def act(message: Message) -> None:
        await asyncio.sleep(0)
        message.data = message.data[::-1]
        message.kind = "binary"

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert [b"abc"] == await told(served, "abc", answers=1)
        assert [b"cba"] == streams.received

    scene(tmp_path, scenario, act)


def test_a_dropped_message_goes_nowhere_and_nobody_is_told(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        if message.data == b"drop":
            raise Drop

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert ["last"] == await told(served, "drop", "flood", "last", answers=1)
        assert ["flood", "last"] == streams.received
        assert 4 == sum(message.data == b"drop" for message in seen), "one on its way in, three on their way out"

    scene(tmp_path, scenario, act)


def refusing(status: int) -> Callable[[Message], None]:
    def act(message: Message) -> None:
        if message.data == b"drop":
            raise Reject(status, "no such word")

    return act


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "Error code: 4005 reason: no such word"),
        (401, "Error code: 4001 reason: no such word"),
        (403, "Error code: 4002 reason: no such word"),
        (429, "Error code: 4003 reason: Websocket frame throttled out"),
        (503, "Error code: 4004 reason: no such word"),
    ],
)
def test_the_client_is_told_of_a_refused_message_and_stays(tmp_path: Path, status: int, text: str) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        async with served.session.ws_connect(f"{served.url}/live/echo") as socket:
            await socket.send_str("drop")
            assert text == await socket.receive_str(timeout=10)
            await socket.send_str("flood")
            assert [text] * 3 == [await socket.receive_str(timeout=10) for _ in range(3)]
            await socket.send_str("last")
            assert "last" == await socket.receive_str(timeout=10)
        assert ["flood", "last"] == streams.received

    scene(tmp_path, scenario, refusing(status))


def test_a_policy_closes_both_sides(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        raise Close(4009, "enough")

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        async with served.session.ws_connect(f"{served.url}/live/echo") as socket:
            await socket.send_str("a")
            message = await socket.receive(timeout=10)
            assert (WSMsgType.CLOSE, 4009, "enough") == (message.type, message.data, message.extra)
        await until(lambda: streams.close_codes == [4009])
        assert [] == streams.received

    scene(tmp_path, scenario, act)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), Respond(Response(200))])
def test_a_policy_that_fails_costs_its_stream_only_and_is_reported(tmp_path: Path, error: Exception) -> None:
    def act(message: Message) -> None:
        if message.data == b"boom":
            raise error

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        async with served.session.ws_connect(f"{served.url}/live/echo") as other:
            assert [1011] == await told(served, "boom", answers=1)
            await other.send_str("a")
            assert "a" == await other.receive_str(timeout=10)
        (line,) = [line for line in served.log if line["event"] == "a plugin failed"]
        assert "watching" == line["plugin"]
        assert 'apim_plugin_failures_total{plugin="watching"} 1.0' in served.gateway.metrics.exposition().decode()
        await until(lambda: sorted(streams.close_codes, key=str) == [1000, 1011])

    scene(tmp_path, scenario, act)


def test_text_that_a_policy_breaks_is_its_failure(tmp_path: Path) -> None:
    def act(message: Message) -> None:
        message.data = b"\xff"

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        assert [1011] == await told(served, "a", answers=1)

    scene(tmp_path, scenario, act)


def test_compression_is_not_offered_to_the_backend(tmp_path: Path) -> None:
    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        url = f"{served.url}/live/echo"
        async with served.session.ws_connect(url, compress=15, protocols=("chat",)) as socket:
            await socket.send_str("a" * 1000)
            assert "a" * 1000 == await socket.receive_str(timeout=10)
            assert (0, "chat") == (socket.compress, socket.protocol)
        (headers,) = streams.headers
        assert "chat" == headers["Sec-WebSocket-Protocol"]
        assert "Sec-WebSocket-Extensions" not in headers

    scene(tmp_path, scenario)


@pytest.mark.parametrize(("when", "offered"), [("true", False), ("false", True)])
def test_a_step_whose_condition_did_not_hold_sees_no_message(tmp_path: Path, when: str, offered: bool) -> None:
    async def scenario() -> None:
        policy, seen = watching()
        steps = f"{{watching: {{}}, when: '{when}'}}"
        async with streaming() as streams, through(streams.port, tmp_path, steps, watching=policy) as served:
            async with served.session.ws_connect(f"{served.url}/live/echo", compress=15) as socket:
                await socket.send_str("a")
                assert "a" == await socket.receive_str(timeout=10)
            assert offered == ("Sec-WebSocket-Extensions" in streams.headers[0])
            assert offered == (seen == [])

    run(scenario)


def test_a_backend_that_uses_an_extension_all_the_same_is_answered_for_with_502(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def script(conversation: Any) -> None:
            await switched(conversation, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
            assert b"" == await conversation.closed()

        policy, _ = watching()
        async with (
            backend(script) as behind,
            through(behind.port, tmp_path, "{watching: {}}", watching=policy) as served,
        ):
            headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
            assert 502 == (await served.call("GET", "/live/x", headers=headers)).status

    run(scenario)


@attrs.frozen
class Signing(Policy):
    """Adds a letter to every message, and remembers nothing."""

    letter: str
    """The letter."""

    def on_message(self, exchange: Exchange, message: Message) -> None:
        message.text += self.letter


def test_messages_meet_steps_in_order_to_the_backend_and_in_reverse_order_to_the_client(tmp_path: Path) -> None:
    async def scenario() -> None:
        steps = "{signing: {letter: a}}, {signing: {letter: b}}"
        async with streaming() as streams, through(streams.port, tmp_path, steps, signing=Signing) as served:
            assert ["-abba"] == await told(served, "-", answers=1)

    run(scenario)


def test_a_later_refusal_is_told_to_the_steps_before(tmp_path: Path) -> None:
    told_of: list[str] = []

    async def undo(fault: Any) -> None:
        await asyncio.sleep(0)
        told_of.append(f"{fault.status} by {fault.policy}")

    @attrs.frozen
    class Taking(Policy):
        """Takes something for each message."""

        def on_message(self, exchange: Exchange, message: Message) -> None:
            message.if_refused(undo)
            message.if_refused(lambda fault: 1 / 0)

    async def scenario() -> None:
        policy, _ = watching(refusing(403))
        async with (
            streaming() as streams,
            through(streams.port, tmp_path, "{taking: {}}, {watching: {}}", watching=policy, taking=Taking) as served,
        ):
            assert ["Error code: 4002 reason: no such word", "a"] == await told(served, "drop", "a", answers=2)
            assert ["403 by watching"] == told_of
            assert ["if_refused"] == [line["plugin"] for line in served.log if line["event"] == "a plugin failed"]

    run(scenario)


def test_pings_pass_between_the_fragments_of_a_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        seen_by_backend: list[tuple[int, bytes]] = []

        async def script(conversation: Any) -> None:
            peer = await switched(conversation)
            seen_by_backend.extend([await peer.frame() for _ in range(3)])
            await peer.send(raw_frame(1, b"x", mask=False, final=False), raw_frame(9, b"!", mask=False))
            await peer.send(raw_frame(0, b"y", mask=False), raw_frame(8, b"\x03\xe8", mask=False))
            seen_by_backend.append(await peer.frame())

        policy, seen = watching()
        async with (
            backend(script) as behind,
            through(behind.port, tmp_path, "{watching: {}}", watching=policy) as served,
        ):
            async with handshake(served) as client:
                await client.send(raw_frame(1, b"a", mask=True, final=False), raw_frame(9, b"?", mask=True))
                await client.send(raw_frame(0, b"b", mask=True), raw_frame(10, b"", mask=True))
                assert [(9, b"!"), (1, b"xy"), (8, b"\x03\xe8")] == [await client.frame() for _ in range(3)]
                await client.send(raw_frame(8, b"\x03\xe8", mask=True))
                assert (-1, b"") == await client.frame()
            await until(lambda: len(seen_by_backend) == 4)
        assert [(9, b"?"), (1, b"ab"), (10, b""), (8, b"\x03\xe8")] == seen_by_backend
        assert [b"ab", b"xy"] == [message.data for message in seen]

    run(scenario)


def test_what_a_backend_says_before_it_goes_still_arrives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def script(conversation: Any) -> None:
            peer = await switched(conversation)
            await peer.send(*(raw_frame(2, bytes(1000), mask=False) for _ in range(200)))

        policy, seen = watching()
        async with (
            backend(script) as behind,
            through(behind.port, tmp_path, "{watching: {}}", watching=policy) as served,
            handshake(served) as client,
        ):
            assert [(2, bytes(1000))] * 200 + [(-1, b"")] == [await client.frame() for _ in range(201)]
        assert 200 == len(seen)

    run(scenario)


class Silent:
    """An endpoint's side that takes everything and says nothing."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def read(self) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None:
        self.taken.append(data)

    def close(self) -> None:
        pass


def test_what_a_client_is_told_does_not_pile_up_while_it_reads_nothing() -> None:
    policy, seen = watching(refusing(429))

    async def scenario() -> None:
        step = CompiledStep("watching", policy().on_message)  # type: ignore[attr-defined]
        tunnel = MessageTunnel(Silent(), Judges(make_exchange(), (step,), lambda *_: None), 1000)
        writing = asyncio.create_task(tunnel.write(raw_frame(1, b"drop", mask=True) * 20_000))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not writing.done()
        assert len(seen) < 1500, "64 KiB hold no more of what it is told"
        told_of = 0
        while not writing.done():
            told_of += len(await tunnel.read())
        assert 20_000 == len(seen)
        assert told_of > 1_000_000 - 100_000
        tunnel.close()

    run(scenario)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(st.one_of(st.text(max_size=200), st.binary(max_size=400)), min_size=1, max_size=8),
    data=st.data(),
)
def test_with_a_policy_that_lets_all_pass_the_same_messages_arrive_however_bytes_were_split(
    tmp_path: Path, messages: list[str | bytes], data: st.DataObject
) -> None:
    frames: list[bytes] = []
    for message in messages:
        payload, opcode = (message.encode(), 1) if isinstance(message, str) else (message, 2)
        cut = data.draw(st.integers(0, len(payload)))
        frames += [
            raw_frame(opcode, payload[:cut], mask=True, final=False),
            raw_frame(0, payload[cut:], mask=True),
        ]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))

    async def scenario(served: Served, streams: Streams, seen: list[Message]) -> None:
        async with handshake(served, b"echo") as client:
            for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
                await client.send(stream[start:end])
                await asyncio.sleep(0)
            echoed = [await client.frame() for _ in messages]
        assert [(1, m.encode()) if isinstance(m, str) else (2, m) for m in messages] == echoed
        assert messages == streams.received

    scene(tmp_path, scenario)
