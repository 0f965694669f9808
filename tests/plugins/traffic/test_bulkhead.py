"""So many calls at a backend, a line of bounded length and patience before it, and room that always comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from apim_sdk import BodyError, Endpoint, Exchange, Fault, Response, Send, errors
from apim_sdk.testing import FakeContext, build, make_body, make_exchange, make_response, run, started
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.bulkhead import Bulkhead


class Taking(Endpoint):
    """An endpoint that takes its time for each call, and knows how many it had at once."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.now = self.most = 0

    async def send(self, exchange: Exchange) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        return Response(200)


Scenario = Callable[[Bulkhead, FakeContext], Coroutine[Any, Any, None]]


def with_bulkhead(scenario: Scenario, **settings: Any) -> None:
    async def body() -> None:
        context = FakeContext(clock=LoopClock())  # type: ignore[arg-type]
        async with started(build(Bulkhead, {"max_calls": 1, **settings}), context) as policy:
            await scenario(policy, context)

    run_in_virtual_time(body())


async def statuses(policy: Bulkhead, endpoint: Endpoint, calls: int) -> list[int]:
    outcomes = await asyncio.gather(*(run(policy, make_exchange(), endpoint=endpoint) for _ in range(calls)))
    return [outcome.status for outcome in outcomes]


async def has_room(policy: Bulkhead) -> bool:
    return (await run(policy, make_exchange())).status == 200


def answering(response: Response) -> Send:
    async def send(exchange: Exchange) -> Response:
        return response

    return send


def test_no_more_calls_than_allowed_are_under_way_at_once() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        endpoint = Taking(0.1)
        assert [200] * 10 == await statuses(policy, endpoint, 10)
        assert 3 == endpoint.most

    with_bulkhead(scenario, max_calls=3, queue_size=10)


def test_without_a_line_a_call_that_finds_no_room_is_refused_at_once() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        first = asyncio.ensure_future(run(policy, make_exchange(), endpoint=Taking()))
        await asyncio.sleep(0)
        fault = (await run(policy, make_exchange())).fault
        assert fault is not None
        assert ("ENDPOINT_FULL", "303002", 503) == (fault.kind.key, fault.kind.code, fault.status)
        assert "1" == fault.headers["Retry-After"]
        assert 0 == asyncio.get_running_loop().time()
        await first

    with_bulkhead(scenario)


def test_the_line_is_bounded_in_length_and_in_time() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        assert [200, 200, 503, 503, 503] == await statuses(policy, Taking(1.0), 5)
        counters, place = context.metrics.counters, context.place
        assert 2 == counters["apim_bulkhead_queued_total", place]
        assert 2 == counters["apim_bulkhead_refused_total", place, "full"]
        assert 1 == counters["apim_bulkhead_refused_total", place, "late"]

    with_bulkhead(scenario, queue_size=2, queue_timeout="1500ms")


def test_the_log_tells_of_a_full_bulkhead_but_not_each_time() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        await statuses(policy, Taking(), 100)
        await asyncio.sleep(60)
        await statuses(policy, Taking(), 2)
        assert [1, 99] == [line.facts["times"] for line in context.log.lines]
        assert {"test 1.0"} == {line.facts["key"] for line in context.log.lines}

    with_bulkhead(scenario)


@pytest.mark.parametrize("error", [Fault(errors.ENDPOINT_TIMEOUT), RuntimeError("a bug"), BodyError("broken")])
def test_a_call_that_fails_gives_its_room_back(error: Exception) -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        async def send(exchange: Exchange) -> Response:
            raise error

        with pytest.raises(type(error)):
            await policy.around(make_exchange(), send)
        assert await has_room(policy)

    with_bulkhead(scenario)


def test_a_client_who_leaves_during_the_call_gives_its_room_back() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        call = asyncio.ensure_future(run(policy, make_exchange(), endpoint=Taking()))
        await asyncio.sleep(0.5)
        assert not await has_room(policy)
        assert 1 == context.metrics.gauges["apim_bulkhead_calls", context.place]()
        call.cancel()
        await asyncio.wait([call])
        assert await has_room(policy)

    with_bulkhead(scenario)


def test_a_client_who_leaves_the_line_takes_nobodys_room() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        calls = [asyncio.ensure_future(run(policy, make_exchange(), endpoint=Taking())) for _ in range(3)]
        await asyncio.sleep(0.5)
        calls[1].cancel()
        await asyncio.wait(calls)
        assert 2 == asyncio.get_running_loop().time()
        assert await has_room(policy)

    with_bulkhead(scenario, queue_size=5, queue_timeout="10s")


def test_room_is_taken_until_the_answer_has_all_arrived() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        response = make_response(200, body=[b"one", b"two"])
        exchange = make_exchange()
        await policy.around(exchange, answering(response))
        chunks = aiter(response.body)
        assert b"one" == await anext(chunks)  # type: ignore[arg-type]
        assert not await has_room(policy)
        assert [b"two"] == [chunk async for chunk in chunks]
        assert await has_room(policy)
        for callback in exchange._deferred:
            callback()
        assert await has_room(policy)
        assert [200, 503] == await statuses(policy, Taking(), 2), "and was given back once"

    with_bulkhead(scenario)


@pytest.mark.parametrize("way", ["it broke", "it was dropped", "nobody read it"])
def test_room_comes_back_when_the_answer_is_over_another_way(way: str) -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        response = Response(200, body=make_body([b"one", b"two"], broken=True))
        exchange = make_exchange()
        await policy.around(exchange, answering(response))
        assert not await has_room(policy)
        if way == "it broke":
            with pytest.raises(BodyError):
                await response.body.read()
        elif way == "it was dropped":
            response.body.close()
        else:
            for callback in exchange._deferred:
                callback()
        assert await has_room(policy)

    with_bulkhead(scenario)


def test_each_endpoint_has_its_own_room() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        def exchanges() -> list[Exchange]:
            sandbox = make_exchange()
            sandbox.key_type = "sandbox"
            return [make_exchange(), sandbox]

        endpoint = Taking()
        calls = [run(policy, exchange, endpoint=endpoint) for exchange in (*exchanges(), *exchanges())]
        assert [200, 200, 503, 503] == [outcome.status for outcome in await asyncio.gather(*calls)]

    with_bulkhead(scenario)


def test_calls_that_are_under_way_still_count_after_a_reload() -> None:
    async def scenario(policy: Bulkhead, context: FakeContext) -> None:
        call = asyncio.ensure_future(run(policy, make_exchange(), endpoint=Taking()))
        await asyncio.sleep(0)
        newer = build(Bulkhead, {"max_calls": 2})
        await newer.start(context)
        assert [200, 503] == await statuses(newer, Taking(), 2)
        assert 200 == (await call).status

    with_bulkhead(scenario)
