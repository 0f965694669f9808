"""Over real sockets, before backends that misbehave: what protects them holds, alone and together."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.backend import Backend, Conversation, backend
from support.gateway import Answer, Served, api, run, serving
from support.redis import RedisProcess
from support.store_servers import redis_server

__all__ = ["redis_server"]

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Moody:
    """A backend in moods that a test sets: those of the next requests, and then for all others."""

    def __init__(self, *moods: str, then: str = "well") -> None:
        self.moods = list(moods)
        self.then = then
        self.bodies: list[bytes] = []
        self.released = asyncio.Event()
        """Lets answers that stream come to their end."""

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            request = await conversation.request()
            self.bodies.append(request.body)
            mood = self.moods.pop(0) if self.moods else self.then
            if mood == "well":
                await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif mood == "failing":
                await conversation.say(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nbad")
            elif mood == "resetting":
                conversation.reset()
                return
            elif mood == "talking nonsense":
                await conversation.say(b"SSH-2.0-OpenSSH_9.6\r\n")
                return
            elif mood == "silent":
                await conversation.closed()
                return
            elif mood == "streaming":
                await conversation.say(HEAD, b"1\r\na\r\n")
                await self.released.wait()
                await conversation.say(b"1\r\nb\r\n0\r\n\r\n")
            elif mood == "breaking off":
                await conversation.say(HEAD, b"1\r\na\r\n")
                conversation.reset()
                return
            elif mood == "switching":
                await conversation.say(
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                )
                await conversation.closed()
                return


@contextlib.asynccontextmanager
async def protected(mood: Moody, folder: Path, steps: str, **more: str) -> AsyncIterator[tuple[Served, Backend]]:
    """A gateway with these steps in its request flow, before a backend."""
    async with backend(mood) as behind:
        text = api(flows=f"{{request: [{steps}]}}", endpoint=to(behind), **more)
        async with serving(text, folder) as served:
            yield served, behind


def to(behind: Backend) -> str:
    return f'{{http: {{url: "http://127.0.0.1:{behind.port}"}}}}'


def metric(served: Served, name: str) -> float:
    """The sum of a metric's series."""
    exposition = served.gateway.metrics.exposition().decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*?}})? (\S+)$", exposition, re.MULTILINE))


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def code(answer: Answer) -> tuple[int, str | None]:
    """The status, and the code of the gateway's own answers."""
    return answer.status, answer.json["code"] if "Content-Type" in answer.headers else None


@pytest.mark.parametrize("mood", ["failing", "resetting", "talking nonsense"])
def test_a_breaker_stops_calls_to_a_backend_that_fails_and_trusts_it_again(tmp_path: Path, mood: str) -> None:
    async def scenario() -> None:
        moody = Moody(then=mood)
        steps = "circuit-breaker: {minimum_calls: 4, probes: 2, open_duration: 200ms}"
        async with protected(moody, tmp_path, steps) as (served, _):
            for _ in range(4):
                assert 502 <= (await served.get("/api/items/1")).status <= 503
            asked = len(moody.bodies)
            stopped = [await served.get("/api/items/1") for _ in range(5)]
            assert {(503, "303001")} == {code(answer) for answer in stopped}
            assert {"1"} == {answer.headers["Retry-After"] for answer in stopped}
            assert asked == len(moody.bodies), "nothing reaches the backend"
            assert 1 == metric(served, "apim_circuit_breakers_open")
            moody.then = "well"
            async with asyncio.timeout(5):
                while (await served.get("/api/items/1")).status != 200:
                    await asyncio.sleep(0.01)
            assert 200 == (await served.get("/api/items/1")).status
            assert 0 == metric(served, "apim_circuit_breakers_open")

    run(scenario)


def test_a_breaker_outlasts_a_reload(tmp_path: Path) -> None:
    async def scenario() -> None:
        moody = Moody(then="failing")
        async with protected(moody, tmp_path, "circuit-breaker: {minimum_calls: 2}") as (served, behind):
            for _ in range(2):
                await served.get("/api/items/1")
            steps = "{set-header: {name: X, value: y}}"
            text = api(
                flows=f"{{request: [circuit-breaker: {{minimum_calls: 2}}], response: [{steps}]}}", endpoint=to(behind)
            )
            await served.reload(text)
            assert (503, "303001") == code(await served.get("/api/items/1"))

    run(scenario)


def test_an_operation_with_an_endpoint_of_its_own_has_a_breaker_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with backend(Moody(then="failing")) as failing, backend(Moody()) as well:
            text = f"""
            management: {{enabled: false}}
            apis:
              - name: items
                context: /api
                endpoint: {to(failing)}
                plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
                flows: {{request: [circuit-breaker: {{minimum_calls: 2}}]}}
                operations: [{{match: GET /a}}, {{match: GET /b, endpoint: {to(well)}}}]
            """
            async with serving(text, tmp_path) as served:
                for _ in range(3):
                    await served.get("/api/a")
                assert (503, "303001") == code(await served.get("/api/a"))
                assert 200 == (await served.get("/api/b")).status

    run(scenario)


def test_nodes_share_an_opening_through_redis(tmp_path: Path, redis_server: RedisProcess) -> None:
    async def scenario() -> None:
        moody = Moody(then="failing")
        steps = "circuit-breaker: {minimum_calls: 2, open_duration: 30s, shared: nodes}"
        stores = f'stores: {{nodes: {{redis: {{url: "{redis_server.url}"}}}}}}\n'
        for node in ("one", "other"):
            (tmp_path / node).mkdir()
        async with (
            protected(moody, tmp_path / "one", steps, rest=stores) as (one, behind),
            serving(
                api(flows=f"{{request: [{steps}]}}", endpoint=to(behind), rest=stores), tmp_path / "other"
            ) as other,
        ):
            for _ in range(2):
                await one.get("/api/items/1")
            asked = len(moody.bodies)
            moody.then = "well"
            async with asyncio.timeout(5):
                while code(await other.get("/api/items/1")) != (503, "303001"):
                    asked += 1
                    await asyncio.sleep(0.01)
            assert asked == len(moody.bodies)

    run(scenario)


@pytest.mark.parametrize("mood", ["failing", "resetting"])
def test_a_failed_call_is_tried_again_and_the_body_sent_again(tmp_path: Path, mood: str) -> None:
    async def scenario() -> None:
        moody = Moody(mood, mood)
        step = "retry: {first_delay: 1ms, methods: [POST]}"
        async with protected(moody, tmp_path, step) as (served, _):

            async def chunks() -> AsyncIterator[bytes]:
                yield b"one "
                await asyncio.sleep(0.01)
                yield b"order"

            answer = await served.call("POST", "/api/items", data=chunks())
            assert (200, [b"one order"] * 3) == (answer.status, moody.bodies)

    run(scenario)


def test_a_post_is_tried_again_only_if_there_was_no_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        moody = Moody("resetting")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        step = "retry: {first_delay: 100ms, retries: 20, budget_minimum: 100}"
        text = api(flows=f"{{request: [{step}]}}", endpoint=f'{{http: {{url: "http://127.0.0.1:{port}"}}}}')
        async with serving(text, tmp_path) as served:
            call = asyncio.ensure_future(served.call("POST", "/api/items", data=b"order"))
            await until(lambda: metric(served, "apim_retry_retries_total") >= 2)
            async with backend(moody, port=port):
                answer = await call
            assert (502, [b"order"]) == (answer.status, moody.bodies)
            assert 1 == metric(served, "apim_retry_given_up_total")

    run(scenario)


def test_in_a_chain_each_step_sees_what_stands_behind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        moody = Moody(then="silent")
        steps = (
            "{timeout: {head: 1s}}, {circuit-breaker: {minimum_calls: 2, open_duration: 30s}}, "
            "{retry: {retries: 2, first_delay: 1ms}}, {bulkhead: {max_calls: 1}}, {timeout: {head: 50ms}}"
        )
        async with protected(moody, tmp_path, steps) as (served, behind):
            for _ in range(2):
                assert (504, "101504") == code(await served.get("/api/items/1"))
            assert 6 == len(moody.bodies), "three tries for each call, of which the breaker sees one"
            assert (503, "303001") == code(await served.get("/api/items/1"))
            assert 6 == len(behind.conversations), "no connection is used again after a time-out"
            assert 0 == metric(served, "apim_bulkhead_calls")

    run(scenario)


async def has_room(served: Served) -> bool:
    answer = await served.get("/api/items/1")
    assert code(answer) in ((200, None), (503, "303002"))
    return answer.status == 200


@pytest.mark.parametrize("mood", ["streaming", "silent"])
def test_room_comes_back_when_a_client_leaves(tmp_path: Path, mood: str) -> None:
    async def scenario() -> None:
        async with protected(Moody(mood), tmp_path, "bulkhead: {max_calls: 1}") as (served, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /api/items/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda: metric(served, "apim_bulkhead_calls") == 1)
            if mood == "streaming":
                assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            assert not await has_room(served)
            writer.transport.abort()
            await until(lambda: metric(served, "apim_bulkhead_calls") == 0)
            assert [True] * 3 == [await has_room(served) for _ in range(3)]

    run(scenario)


def test_room_is_taken_while_an_answer_streams_and_no_longer(tmp_path: Path) -> None:
    async def scenario() -> None:
        moody = Moody("streaming")
        async with protected(moody, tmp_path, "bulkhead: {max_calls: 1}") as (served, _):
            async with served.session.get(f"{served.url}/api/items/1") as streaming:
                assert b"a" == await streaming.content.readany()
                assert not await has_room(served)
                moody.released.set()
                assert b"b" == await streaming.content.read()
            assert await has_room(served)
            assert 0 == metric(served, "apim_bulkhead_calls")

    run(scenario)


@pytest.mark.parametrize("mood", ["resetting", "breaking off", "talking nonsense", "failing"])
def test_room_comes_back_however_a_backend_fails(tmp_path: Path, mood: str) -> None:
    async def scenario() -> None:
        async with protected(Moody(then=mood), tmp_path, "bulkhead: {max_calls: 1}") as (served, _):
            for _ in range(3):
                with contextlib.suppress(aiohttp.ClientError):
                    assert (503, "303002") != code(await served.get("/api/items/1"))
            await until(lambda: metric(served, "apim_bulkhead_calls") == 0)

    run(scenario)


def test_a_websocket_has_its_room_as_long_as_it_lasts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(Moody("switching"), tmp_path, "bulkhead: {max_calls: 1}") as (served, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(
                b"GET /api/items/1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
            assert not await has_room(served)
            writer.close()
            await until(lambda: metric(served, "apim_bulkhead_calls") == 0)
            assert await has_room(served)

    run(scenario)


def test_many_clients_who_come_and_go_leave_no_room_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        moods = ["well", "streaming", "silent", "resetting", "failing", "breaking off"]
        moody = Moody(*(moods[number % len(moods)] for number in range(120)))
        steps = "{bulkhead: {max_calls: 4, queue_size: 20, queue_timeout: 100ms}}, {adaptive-concurrency: {}}"
        async with protected(moody, tmp_path, steps) as (served, _):

            async def client(number: int) -> None:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(0.02 + number % 7 / 50):
                        await served.get("/api/items/1")

            await asyncio.gather(*(client(number) for number in range(120)))
            moody.moods.clear()
            moody.released.set()
            await until(lambda: metric(served, "apim_bulkhead_calls") == 0)
            answers = await asyncio.gather(*(served.get("/api/items/1") for _ in range(20)))
            assert {200} == {answer.status for answer in answers}

    run(scenario)
