"""What consumers of WSO2 API Manager rely on of streaming APIs and their event quotas, row by row of its behaviour.

The names F55 and F57 are those of the rows. Windows are of a day, as those of its plans, or of an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.gateway import run, serving
from support.processes import running
from support.streaming import Streams, streaming

GATEWAY = """
{gateway}
apis:
  - name: live
    version: 1.0.0
    context: /live/1.0.0
    endpoint: {http: {url: "http://127.0.0.1:{port}"}}
    flows: {flows}
    plans: [{name: AsyncTest, authentication: {api-key: {header: ApiKey}}, limits: {limits}}]
    operations: [{match: GET /echo}, {match: GET /events}]
applications:
  - {name: shop, id: a1, keys: [{api-key: k-1}], subscriptions: [{api: live, plan: AsyncTest}]}
  - {name: kiosk, id: a2, keys: [{api-key: k-2}], subscriptions: [{api: live, plan: AsyncTest}]}
"""
THROTTLED = "Error code: 4003 reason: Websocket frame throttled out"
QUOTA = [{"quota": {"requests": 4, "per": "1d", "unit": "events"}}]


class Caller:
    """Consumers before a gateway."""

    def __init__(self, url: str, session: aiohttp.ClientSession, streams: Streams) -> None:
        self.url = f"{url}/live/1.0.0"
        self.streams = streams
        self._session = session

    def socket(self, key: str = "k-1", room: str = "") -> Any:
        return self._session.ws_connect(f"{self.url}/echo", headers={"ApiKey": key, "X-Room": room})

    async def status(self, path: str = "/echo", key: str = "k-1", room: str = "") -> tuple[int, str]:
        """Status and code of the refusal of a handshake, or of the call of a stream."""
        headers = {"ApiKey": key, "X-Room": room}
        if path == "/echo":
            key_of_handshake = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
            headers |= {"Connection": "Upgrade", "Upgrade": "websocket", **key_of_handshake}
        async with self._session.get(self.url + path, headers=headers) as response:
            return response.status, json.loads(await response.read())["code"]

    async def told(self, *messages: str, key: str = "k-1", answers: int) -> list[str]:
        async with self.socket(key) as socket:
            for message in messages:
                await socket.send_str(message)
            return [await socket.receive_str(timeout=10) for _ in range(answers)]

    async def events(self, *events: bytes, key: str = "k-1") -> bytes:
        """What arrives of a stream that the backend does not end."""
        self.streams.say(*events)
        async with self._session.get(f"{self.url}/events", headers={"ApiKey": key}) as response:
            assert 200 == response.status
            return await response.read()


def written(port: int, *, gateway: str = "management: {enabled: false}", limits: Any = (), flows: str = "{}") -> str:
    text = GATEWAY.replace("{port}", str(port)).replace("{gateway}", gateway).replace("{flows}", flows)
    return text.replace("{limits}", json.dumps(list(limits)))


def scene(folder: Path, scenario: Callable[[Caller], Any], **parts: Any) -> None:
    async def body() -> None:
        async with streaming() as streams, serving(written(streams.port, **parts), folder) as served:
            await scenario(Caller(served.url, served.session, streams))

    run(body)


def test_f55_a_bad_key_is_refused_at_the_handshake(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        assert (401, "900901") == await caller.status(key="wrong")
        assert ["a"] == await caller.told("a", answers=1)

    scene(tmp_path, scenario, limits=QUOTA)


def test_f55_messages_of_both_directions_count_and_one_over_the_quota_is_an_error_frame(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        async with caller.socket() as socket:
            for message in "ab":
                await socket.send_str(message)
                assert message == await socket.receive_str(timeout=10)
            for _ in range(2):
                await socket.send_str("over")
                assert THROTTLED == await socket.receive_str(timeout=10)
            await socket.ping(b"still there")
            assert not socket.closed
        assert ["a", "b"] == caller.streams.received
        assert (429, "900808") == await caller.status()
        assert ["c"] == await caller.told("c", key="k-2", answers=1), "each subscription has a quota of its own"

    scene(tmp_path, scenario, limits=QUOTA)


def test_f55_an_answer_of_the_backend_over_the_quota_is_dropped_too(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        assert ["a", THROTTLED] == await caller.told("a", "b", answers=2)
        assert ["a", "b"] == caller.streams.received

    scene(tmp_path, scenario, limits=[{"requests": 3, "per": "1h", "unit": "events", "algorithm": "fixed-window"}])


def test_f55_several_sockets_of_a_subscription_share_its_quota(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        async with caller.socket() as first, caller.socket() as second:
            for socket in (first, second):
                await socket.send_str("a")
                assert "a" == await socket.receive_str(timeout=10)
            for socket in (first, second):
                await socket.send_str("a")
                assert THROTTLED == await socket.receive_str(timeout=10)

    scene(tmp_path, scenario, limits=QUOTA)


def test_f55_what_a_limit_further_on_refuses_does_not_count_at_those_before(tmp_path: Path) -> None:
    limit = {"requests": 2, "per": "1h", "unit": "events", "key": "request.headers['x-room']"}

    async def scenario(caller: Caller) -> None:
        async with caller.socket(room="1") as socket:
            for expected in ["a", *[THROTTLED] * 20]:
                await socket.send_str("a")
                assert expected == await socket.receive_str(timeout=10)
        async with caller.socket(room="2") as socket:
            await socket.send_str("b")
            assert "b" == await socket.receive_str(timeout=10)
        assert (429, "900808") == await caller.status(room="3"), "now the four of the plan are used"

    scene(tmp_path, scenario, limits=QUOTA, flows=json.dumps({"request": [{"rate-limit": limit}]}))


def test_f57_a_quota_counts_events_and_ends_the_stream(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        stream = b": open\n\ndata: 1\n\ndata: 2\n\nretry: 1\n\ndata: 3\n\n"
        assert stream == await asyncio.wait_for(caller.events(stream, b"data: 4\n\n"), 10)
        assert (429, "900808") == await caller.status("/events")

    scene(tmp_path, scenario, limits=[{"requests": 3, "per": "1h", "unit": "events", "algorithm": "fixed-window"}])


@contextlib.asynccontextmanager
async def two_workers(folder: Path, text: str) -> AsyncIterator[int]:
    """The port of a gateway of two processes."""
    manager = running(folder, text, "--workers", "2")
    started = await asyncio.to_thread(manager.__enter__)
    try:
        yield started.port
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


@pytest.mark.parametrize("mode", ["exact", "lease"])
def test_f55_two_processes_count_the_events_of_a_subscription_together(tmp_path: Path, mode: str) -> None:
    limits = [{"quota": {"requests": 20, "per": "1d", "unit": "events", "mode": mode}}]
    listen = "listen: 127.0.0.1:0\nmanagement: {listen: '127.0.0.1:0'}"

    async def scenario() -> None:
        async with (
            streaming() as streams,
            aiohttp.ClientSession() as session,
            two_workers(tmp_path, written(streams.port, gateway=listen, limits=limits)) as port,
        ):
            caller = Caller(f"http://127.0.0.1:{port}", session, streams)
            sockets = [await caller.socket() for _ in range(8)]
            told: list[str] = []
            for socket in sockets * 4:
                await socket.send_str("a")
                told.append(await socket.receive_str(timeout=10))
            for socket in sockets:
                await socket.close()
        passed = len(streams.received) + told.count("a")
        assert {"a", THROTTLED} == set(told)
        assert passed == 20 if mode == "exact" else passed <= 20

    asyncio.run(scenario())
