"""A call that takes too long is ended: before the head of its answer with 504, after it by breaking off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from apim_sdk import Body, BodyError, BrokenBody, Endpoint, Exchange, Fault, Response, errors
from apim_sdk.testing import FakeContext, build, make_exchange, run, started
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.timeout import Timeout
from support.backend import Conversation, backend
from support.gateway import api, serving
from support.gateway import run as run_on_uvloop


class Timely(Endpoint):
    """An endpoint that gives the head, and then each part of the body, after so many seconds."""

    def __init__(self, head: float, *parts: float) -> None:
        self.head = head
        self.parts = parts
        self.cancelled = False

    async def send(self, exchange: Exchange) -> Response:
        try:
            await asyncio.sleep(self.head)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Response(200, body=Body.stream(self._chunks()) if self.parts else b"whole")

    async def _chunks(self) -> AsyncIterator[bytes]:
        for seconds in self.parts:
            await asyncio.sleep(seconds)
            yield b"x"


Scenario = Callable[[Timeout, FakeContext], Coroutine[Any, Any, None]]


def with_timeout(scenario: Scenario, **settings: Any) -> None:
    async def body() -> None:
        context = FakeContext(clock=LoopClock())  # type: ignore[arg-type]
        async with started(build(Timeout, settings), context) as policy:
            await scenario(policy, context)

    run_in_virtual_time(body())


def test_a_head_that_does_not_come_is_504_and_the_call_is_cancelled() -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        endpoint = Timely(2.1)
        fault = (await run(policy, make_exchange(), endpoint=endpoint)).fault
        assert fault is not None
        assert ("101504", 504, True, 2.0) == (
            fault.kind.code,
            fault.status,
            endpoint.cancelled,
            asyncio.get_running_loop().time(),
        )
        assert {("apim_timeout_calls_ended_total", context.place, "head"): 1} == context.metrics.counters

    with_timeout(scenario, head="2s", total="10s")


def test_answers_in_time_pass() -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        assert b"whole" == (await run(policy, make_exchange(), endpoint=Timely(1.9))).body
        assert b"xxx" == (await run(policy, make_exchange(), endpoint=Timely(1.9, 2, 3, 3))).body

    with_timeout(scenario, head="2s", total="10s")


def test_a_body_that_takes_too_long_breaks_off() -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        response = await policy.around(make_exchange(), Timely(1, 2, 3, 3, 3).send)
        chunks: list[bytes] = []

        async def relay() -> None:
            async for chunk in response.body:
                chunks.append(chunk)  # noqa: PERF401  # it breaks

        with pytest.raises(BrokenBody) as broken:
            await relay()
        assert ([b"x"] * 3, 10.0) == (chunks, asyncio.get_running_loop().time())
        assert "101504" == broken.value.fault.kind.code
        assert {("apim_timeout_calls_ended_total", context.place, "body"): 1} == context.metrics.counters

    with_timeout(scenario, total="10s")


def test_time_also_passes_while_nobody_reads() -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        response = await policy.around(make_exchange(), Timely(1, 0, 0).send)
        await asyncio.sleep(10)
        with pytest.raises(BodyError):
            await response.body.read()

    with_timeout(scenario, total="10s")


def test_with_head_alone_a_stream_may_last() -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        assert b"xx" == (await run(policy, make_exchange(), endpoint=Timely(1, 3600, 3600))).body

    with_timeout(scenario, head="2s")


@pytest.mark.parametrize("error", [Fault(errors.ENDPOINT_CONNECTION_FAILED), TimeoutError("not ours")])
def test_what_fails_in_time_fails_as_it_would(error: Exception) -> None:
    async def scenario(policy: Timeout, context: FakeContext) -> None:
        async def send(exchange: Exchange) -> Response:
            raise error

        with pytest.raises(type(error)) as raised:
            await policy.around(make_exchange(), send)
        assert error is raised.value

    with_timeout(scenario, head="2s")


def test_one_of_the_bounds_must_be_said() -> None:
    with pytest.raises(Exception, match="`head`, `total` or both"):
        build(Timeout, {})


def test_over_sockets_the_connection_is_closed_and_a_body_never_looks_whole(tmp_path: Path) -> None:
    async def script(conversation: Conversation) -> None:
        request = await conversation.request()
        if b"/body" in request.line:
            await conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await conversation.closed()
        closed.append(request.line)

    closed: list[bytes] = []

    async def scenario() -> None:
        flows = "{request: [{timeout: {head: 150ms, total: 300ms}}]}"
        async with backend(script) as behind:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{behind.port}"}}}}'
            async with serving(api(flows=flows, endpoint=endpoint), tmp_path) as served:
                late = await served.get("/api/items/head")
                assert (504, "101504") == (late.status, late.json["code"])
                with pytest.raises(aiohttp.ClientPayloadError):
                    await served.get("/api/items/body")
                async with asyncio.timeout(5):
                    while len(closed) < 2:
                        await asyncio.sleep(0.01)
                assert 2 == len(behind.conversations)

    run_on_uvloop(scenario)
