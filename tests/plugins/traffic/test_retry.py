"""A call that failed is tried again where that does no harm: to the data, to the client, to the backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from apim_sdk import Body, Endpoint, ErrorKind, Exchange, Fault, Reject, Response, errors
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, Outcome, build, make_exchange, run, started
from apim_sdk.testing.exchanges import Chunks
from apim_sdk.testing.virtual_time import LoopClock, run_in_virtual_time
from apim_traffic.back_off import BackOff
from apim_traffic.replay import hold
from apim_traffic.retry import Retry
from apim_traffic.retry_budget import RetryBudget
from hypothesis import given
from hypothesis import strategies as st

GOOD, BAD = Answer(200, body="good"), Answer(503, body="bad")
NO_CONNECTION = Answer(fault=Fault(errors.ENDPOINT_CONNECTION_FAILED))


class Bench:
    """A started policy, and calls through it."""

    def __init__(self, policy: Retry, context: FakeContext) -> None:
        self.policy = policy
        self.context = context

    async def call(self, *answers: Answer, line: str = "GET /", **request: Any) -> tuple[int, int]:
        """The status that the client got, and how many tries it took."""
        outcome, endpoint = await self.outcome(FakeEndpoint(*answers), line, **request)
        return outcome.status, len(endpoint.received)

    async def outcome(self, endpoint: FakeEndpoint, line: str, **request: Any) -> tuple[Outcome, FakeEndpoint]:
        return await run(self.policy, make_exchange(line, **request), endpoint=endpoint), endpoint

    def given_up(self, reason: str) -> float:
        return self.context.metrics.counters.get(("apim_retry_given_up_total", self.context.place, reason), 0)


def with_retry(scenario: Callable[[Bench], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def body() -> None:
        context = FakeContext(clock=LoopClock())  # type: ignore[arg-type]
        async with started(build(Retry, settings), context) as policy:
            await scenario(Bench(policy, context))

    run_in_virtual_time(body())


def test_a_failed_call_is_tried_again() -> None:
    async def scenario(bench: Bench) -> None:
        assert (200, 2) == await bench.call(BAD, GOOD)
        assert (200, 3) == await bench.call(BAD, BAD, GOOD)
        assert (200, 1) == await bench.call(GOOD, BAD)
        assert 3 == bench.context.metrics.counters["apim_retry_retries_total", bench.context.place]

    with_retry(scenario)


def test_when_all_tries_failed_the_client_gets_the_last_answer_or_fault() -> None:
    async def scenario(bench: Bench) -> None:
        outcome, _ = await bench.outcome(FakeEndpoint(Answer(502), BAD, Answer(504, body="last")), "GET /")
        assert (504, b"last") == (outcome.status, outcome.body)
        assert (502, 3) == await bench.call(BAD, BAD, NO_CONNECTION)
        assert 2 == bench.given_up("retries")

    with_retry(scenario)


@pytest.mark.parametrize(
    ("settings", "answer", "again"),
    [
        ({}, Answer(500), False),
        ({}, Answer(404), False),
        ({"statuses": [500]}, Answer(500), True),
        ({"retry_when": "response.status == 429"}, Answer(429), True),
        ({"retry_when": "response.status == 429"}, Answer(404), False),
        ({}, NO_CONNECTION, True),
        ({}, Answer(fault=Fault(errors.ENDPOINT_CONNECTION_CLOSED)), True),
        ({}, Answer(fault=Fault(errors.ENDPOINT_PROTOCOL_VIOLATION)), False),
        ({"faults": ["protocol"]}, Answer(fault=Fault(errors.ENDPOINT_PROTOCOL_VIOLATION)), True),
        ({}, Answer(fault=Reject(errors.ENDPOINT_SUSPENDED)), False),
        ({}, Answer(fault=Reject(errors.ENDPOINT_FULL)), False),
        ({"faults": ["busy"]}, Answer(fault=Reject(errors.ENDPOINT_FULL)), True),
        ({}, Answer(fault=Fault(errors.INCOMPLETE_PAYLOAD)), False),
    ],
)
def test_an_operator_says_after_what_to_try_again(settings: dict[str, Any], answer: Answer, again: bool) -> None:
    async def scenario(bench: Bench) -> None:
        assert (2 if again else 1) == (await bench.call(answer, GOOD))[1]

    with_retry(scenario, **settings)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "MKCOL"])
def test_only_what_can_be_done_twice_is_tried_again(method: str) -> None:
    async def scenario(bench: Bench) -> None:
        unsafe = method in ("POST", "PATCH", "MKCOL")
        assert (1 if unsafe else 2) == (await bench.call(BAD, GOOD, line=f"{method} /"))[1]
        assert (1 if unsafe else 0) == bench.given_up("unsafe")

    with_retry(scenario)


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        (errors.ENDPOINT_CONNECTION_FAILED, True),
        (errors.ENDPOINT_CONNECT_TIMEOUT, True),
        (errors.ENDPOINT_BUSY, True),
        (errors.ENDPOINT_TIMEOUT, False),
        (errors.ENDPOINT_SEND_FAILED, False),
        (errors.ENDPOINT_CONNECTION_CLOSED, False),
    ],
)
def test_any_request_is_tried_again_if_nothing_of_it_was_sent(kind: ErrorKind, again: bool) -> None:
    async def scenario(bench: Bench) -> None:
        failing = Answer(fault=Fault(kind))
        assert (2 if again else 1) == (await bench.call(failing, GOOD, line="POST /", body=b"order"))[1]

    with_retry(scenario, faults=["connect", "timeout", "reset", "busy"])


def test_a_request_can_be_marked_as_safe() -> None:
    async def scenario(bench: Bench) -> None:
        assert (200, 2) == await bench.call(BAD, GOOD, line="POST /", headers={"Idempotency-Key": "7"})
        assert (503, 1) == await bench.call(BAD, GOOD, line="POST /")

    with_retry(scenario, safe_when='request.headers["idempotency-key"] != null')


@pytest.mark.parametrize("body", [b"0123456789", [b"01234", b"56789"], [b"0"] * 10])
def test_the_body_is_sent_again_as_it_was(body: Any) -> None:
    async def scenario(bench: Bench) -> None:
        _, endpoint = await bench.outcome(FakeEndpoint(BAD, BAD, GOOD), "PUT /", body=body)
        expected = body if isinstance(body, bytes) else b"".join(body)
        assert [expected] * 3 == [received.body for received in endpoint.received]

    with_retry(scenario, max_body=10)


def test_a_body_that_is_too_large_to_hold_is_sent_once() -> None:
    async def scenario(bench: Bench) -> None:
        _, endpoint = await bench.outcome(FakeEndpoint(BAD, GOOD), "PUT /", body=[b"01234", b"56789", b"!"])
        assert [b"0123456789!"] == [received.body for received in endpoint.received]
        assert 1 == bench.given_up("body")

    with_retry(scenario, max_body=10)


@given(st.lists(st.binary(max_size=6), max_size=6), st.integers(0, 20), st.booleans())
def test_a_body_comes_whole_whether_it_could_be_held_or_not(chunks: list[bytes], most: int, known: bool) -> None:
    content = b"".join(chunks)
    body = Body.arriving(Chunks(chunks), len(content) if known else None)

    held = asyncio.run(hold(body, most))

    assert (len(content) <= most) is held
    assert held is (body.data is not None)
    assert content == asyncio.run(body.read())


def test_the_answer_that_is_not_used_is_dropped() -> None:
    async def scenario(bench: Bench) -> None:
        answers = [Response(503, body=Body.arriving(source := Chunks([b"a", b"b"]))), Response(200)]

        async def send(exchange: Exchange) -> Response:
            return answers.pop(0)

        assert 200 == (await bench.policy.around(make_exchange(), send)).status
        assert source.closed

    with_retry(scenario)


@given(st.integers(0, 30))
def test_each_wait_is_random_and_its_bound_doubles_up_to_the_longest(retries: int) -> None:
    back_off = BackOff(0.025, 1.0, LoopClock())

    assert 0 <= back_off.delay(retries, None) <= min(0.025 * 2**retries, 1.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("Fri, 09 Jan 2026 23:06:45 GMT", 5),
        ("Fri, 09 Jan 2026 23:06:45", 5),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", 0),
        ("-3", 0),
        ("\u00b2", 0),
    ],
)
def test_the_wait_that_a_backend_asks_for_is_kept(value: str, seconds: float) -> None:
    class Clock:
        def now(self) -> float:
            return 1_768_000_000.0  # 9 January 2026, 23:06:40 UTC

        def monotonic(self) -> float:
            raise AssertionError

    response = Response(503)
    response.headers.set("Retry-After", value)

    assert seconds == BackOff(0.0, 0.0, Clock()).delay(0, response)


def test_a_backend_that_asks_for_too_long_a_wait_is_left_alone() -> None:
    async def scenario(bench: Bench) -> None:
        soon, late = Answer(503, {"Retry-After": "5"}), Answer(503, {"Retry-After": "6"})
        assert (200, 2) == await bench.call(soon, GOOD)
        assert 5 == asyncio.get_running_loop().time()
        assert (503, 1) == await bench.call(late, GOOD)
        assert 1 == bench.given_up("retry-after")

    with_retry(scenario)


class Late(Endpoint):
    """An endpoint that hangs at first."""

    def __init__(self, times: int) -> None:
        self.tries: list[float] = []
        self.times = times

    async def send(self, exchange: Exchange) -> Response:
        self.tries.append(asyncio.get_running_loop().time())
        if len(self.tries) <= self.times:
            await asyncio.sleep(3600)
        return Response(200)


def test_each_try_has_its_time() -> None:
    async def scenario(bench: Bench) -> None:
        endpoint = Late(1)
        outcome = await run(bench.policy, make_exchange(), endpoint=endpoint)
        assert (200, 2) == (outcome.status, len(endpoint.tries))
        assert 2 <= endpoint.tries[1] <= 2.025

    with_retry(scenario, try_timeout="2s")


def test_all_tries_together_have_their_time() -> None:
    async def scenario(bench: Bench) -> None:
        endpoint = Late(9)
        fault = (await run(bench.policy, make_exchange(), endpoint=endpoint)).fault
        assert fault is not None
        assert ("101504", 3, 5) == (fault.kind.code, len(endpoint.tries), asyncio.get_running_loop().time())
        assert 1 == bench.given_up("deadline")

    with_retry(scenario, try_timeout="2s", total_timeout="5s", retries=9)


def test_there_is_no_wait_that_would_last_beyond_the_end() -> None:
    async def scenario(bench: Bench) -> None:
        assert (503, 1) == await bench.call(Answer(503, {"Retry-After": "3"}), GOOD)
        assert 0 == asyncio.get_running_loop().time()

    with_retry(scenario, total_timeout="3s")


def test_retries_are_a_share_of_the_requests() -> None:
    async def scenario(bench: Bench) -> None:
        tries = sum([(await bench.call(BAD))[1] for _ in range(200)])
        assert 200 + 40 == tries
        assert (160, 1) == (bench.given_up("budget"), len(bench.context.log.lines))
        assert "test 1.0" == bench.context.log.lines[0].facts["key"]

    with_retry(scenario, budget=0.2, budget_minimum=10, retries=1, first_delay=0)


def test_a_few_retries_are_allowed_in_any_case() -> None:
    budget = RetryBudget(0.2, 3, 10.0, lambda: 1000.0)
    budget.request()

    assert [True, True, True, False] == [budget.retry() for _ in range(4)]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=200))
def test_whatever_comes_a_retry_keeps_within_the_share_that_retries_have_then(calls: list[tuple[bool, int]]) -> None:
    now = 1000.0
    budget = RetryBudget(0.5, 2, 10.0, lambda: now)
    history: list[tuple[float, bool]] = []
    for fails, later in calls:
        now += later
        budget.request()
        history.append((now, False))
        if fails and budget.retry():
            history.append((now, True))
            recent = [retried for when, retried in history if when // 1 > now // 1 - 10]
            assert sum(recent) <= max(0.5 * recent.count(False), 2)


def test_a_client_who_leaves_between_two_tries_ends_them() -> None:
    async def scenario(bench: Bench) -> None:
        endpoint = FakeEndpoint(Answer(503, {"Retry-After": "5"}), GOOD)
        call = asyncio.ensure_future(run(bench.policy, make_exchange(), endpoint=endpoint))
        await asyncio.sleep(1)
        call.cancel()
        await asyncio.wait([call])
        await asyncio.sleep(10)
        assert 1 == len(endpoint.received)

    with_retry(scenario)
