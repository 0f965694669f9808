"""Threat class 2, of WebSocket: frames that break the protocol never reach the other side, and end their stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.backend import Conversation, backend
from support.gateway import Served, run
from support.streaming import MASK, Peer, handshake, raw_frame, switched, through, watching

GOOD = raw_frame(1, b"good", mask=True)
SMUGGLED = raw_frame(1, b"smuggled", mask=True)
LIMIT = "limits: {message: 1KiB}"
Client = Callable[[Served, Peer], Awaitable[Any]]


def scene(folder: Path, client: Client, *said: bytes, rest: str = LIMIT) -> list[tuple[int, bytes]]:
    """What a backend, which says ``said`` once it is connected, gets of what ``client`` does."""
    got: list[tuple[int, bytes]] = []

    async def script(conversation: Conversation) -> None:
        peer = await switched(conversation)
        await peer.send(*said)
        while (frame := await peer.frame()) != (-1, b""):
            got.append(frame)

    async def scenario() -> None:
        policy, _ = watching()
        async with (
            backend(script) as behind,
            through(behind.port, folder, "{watching: {}}", rest=rest, watching=policy) as served,
        ):
            async with handshake(served) as peer:
                await client(served, peer)
            async with asyncio.timeout(10):
                while served.gateway.snapshot and served.gateway.snapshot.active:  # until both sides are let go
                    await asyncio.sleep(0.005)

    run(scenario)
    return got


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(raw_frame(1, b"x", mask=False), 1002, id="unmasked"),
        pytest.param(raw_frame(1, b"x", mask=True, reserved=0x20), 1002, id="reserved bit"),
        pytest.param(raw_frame(3, b"x", mask=True), 1002, id="reserved opcode"),
        pytest.param(raw_frame(9, b"x", mask=True, final=False), 1002, id="fragmented ping"),
        pytest.param(raw_frame(8, b"x" * 126, mask=True), 1002, id="large close"),
        pytest.param(raw_frame(0, b"x", mask=True), 1002, id="continuation of nothing"),
        pytest.param(raw_frame(1, b"x", mask=True, final=False) + SMUGGLED, 1002, id="message in a message"),
        pytest.param(b"\x81\xfe\x00\x01" + MASK + b"x", 1002, id="length in a longer form"),
        pytest.param(raw_frame(1, b"\xc0\xaf", mask=True), 1007, id="overlong UTF-8"),
        pytest.param(raw_frame(8, b"\x03\xee", mask=True), 1002, id="a code that is never sent"),
        pytest.param(raw_frame(2, bytes(1025), mask=True), 1009, id="oversized"),
        pytest.param(b"\x82\xff" + (1 << 62).to_bytes(8, "big") + MASK, 1009, id="announced for years"),
        pytest.param(
            raw_frame(2, b"x", mask=True, final=False) + raw_frame(0, bytes(9), mask=True, final=False) * 200,
            1009,
            id="endless fragments",
        ),
        pytest.param(
            raw_frame(2, mask=True, final=False) + raw_frame(0, mask=True, final=False) * 2000,
            1009,
            id="endless fragments of nothing",
        ),
    ],
)
def test_a_client_that_breaks_the_protocol_is_closed_and_nothing_behind_it_reaches_the_backend(
    tmp_path: Path, bad: bytes, code: int
) -> None:
    async def client(served: Served, peer: Peer) -> None:
        await peer.send(GOOD, bad, SMUGGLED)
        assert code == await peer.closed_with()
        assert (-1, b"") == await peer.frame()

    (first, (opcode, payload)) = scene(tmp_path, client)
    assert (1, b"good") == first
    assert (8, 1001) == (opcode, int.from_bytes(payload[:2], "big"))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param(raw_frame(1, b"x", mask=True), 1002, id="masked"),
        pytest.param(raw_frame(9, b"x", mask=False, final=False), 1002, id="fragmented ping"),
        pytest.param(raw_frame(1, b"\xff", mask=False), 1007, id="no UTF-8"),
        pytest.param(raw_frame(2, bytes(1025), mask=False), 1009, id="oversized"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", 1002, id="no WebSocket at all"),
    ],
)
def test_a_backend_that_breaks_the_protocol_is_told_and_the_client_gets_1011(
    tmp_path: Path, bad: bytes, code: int
) -> None:
    async def client(served: Served, peer: Peer) -> None:
        assert (1, b"good") == await peer.frame()
        assert 1011 == await peer.closed_with()
        assert (-1, b"") == await peer.frame()

    good = raw_frame(1, b"good", mask=False)
    ((opcode, payload),) = scene(tmp_path, client, good, bad, raw_frame(1, b"smuggled", mask=False))
    assert (8, code) == (opcode, int.from_bytes(payload[:2], "big"))


def test_nothing_goes_on_behind_a_closing_frame(tmp_path: Path) -> None:
    async def client(served: Served, peer: Peer) -> None:
        await peer.send(GOOD, raw_frame(8, b"\x03\xe8", mask=True), SMUGGLED)
        await asyncio.sleep(0)
        await peer.send(SMUGGLED)

    assert [(1, b"good"), (8, b"\x03\xe8")] == scene(tmp_path, client)


@pytest.mark.parametrize("half", [b"\x81", b"\x81\xfe\x04", b"\x82\xfe\x04\x00" + MASK + b"half", b""])
def test_half_a_frame_and_then_nothing_is_cut_after_the_time_of_a_tunnel(tmp_path: Path, half: bytes) -> None:
    async def client(served: Served, peer: Peer) -> None:
        await peer.send(GOOD, half)
        assert (-1, b"") == await peer.frame()

    assert [(1, b"good")] == scene(tmp_path, client, rest="timeouts: {tunnel: 300ms}")


def test_a_client_that_vanishes_in_a_frame_lets_the_backend_go(tmp_path: Path) -> None:
    async def client(served: Served, peer: Peer) -> None:
        await peer.send(GOOD, b"\x82\xfe\x04\x00")

    assert [(1, b"good")] == scene(tmp_path, client)
