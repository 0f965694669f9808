"""Calls to a backend that fails are stopped, until a few probes show that it has recovered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from apim_sdk import API, Endpoint, ErrorKind, Exchange, Fault, Operation, Reject, Response, errors
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, Outcome, build, make_exchange, run, started
from apim_traffic.circuit_breaker import CircuitBreaker

SOON = {"minimum_calls": 2, "probes": 1}
GOOD = Answer(200)
BAD = Answer(503)


class Node:
    """A started breaker, and calls through it."""

    def __init__(self, policy: CircuitBreaker, context: FakeContext) -> None:
        self.policy = policy
        self.context = context

    async def call(self, endpoint: Endpoint | Answer, exchange: Exchange | None = None) -> Outcome:
        endpoint = FakeEndpoint(endpoint) if isinstance(endpoint, Answer) else endpoint
        return await run(self.policy, exchange or make_exchange(), endpoint=endpoint)

    async def calls(self, *answers: Answer, exchange: Callable[[], Exchange] = make_exchange) -> list[bool]:
        """Whether each reached the endpoint."""
        return [(await self.call(answer, exchange())).reached_endpoint for answer in answers]

    def counted(self, name: str, *labels: str) -> float:
        return self.context.metrics.counters.get((f"apim_circuit_breaker_{name}", self.context.place, *labels), 0)


def with_breaker(scenario: Callable[[Node], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def body() -> None:
        context = FakeContext()
        async with started(build(CircuitBreaker, {**SOON, **settings}), context) as policy:
            await scenario(Node(policy, context))

    asyncio.run(body())


def test_a_call_that_is_stopped_is_told_when_to_come_again() -> None:
    async def scenario(node: Node) -> None:
        assert [True, True, False] == await node.calls(BAD, BAD, GOOD)
        node.context.clock.advance(2.5)
        fault = (await node.call(GOOD)).fault
        assert fault is not None
        assert ("303001", 503, "8") == (fault.kind.code, fault.status, fault.headers["Retry-After"])

    with_breaker(scenario)


def test_by_default_one_failure_opens_nothing() -> None:
    async def scenario(node: Node) -> None:
        assert all(await node.calls(*[BAD] * 19))
        assert [True, False] == await node.calls(BAD, GOOD)

    with_breaker(scenario, minimum_calls=CircuitBreaker().minimum_calls)


def test_it_recovers_by_a_probe() -> None:
    async def scenario(node: Node) -> None:
        await node.calls(BAD, BAD)
        node.context.clock.advance(10)
        assert [True, True, True] == await node.calls(GOOD, BAD, GOOD)

    with_breaker(scenario, failure_ratio=0.6)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (errors.ENDPOINT_CONNECTION_FAILED, True),
        (errors.ENDPOINT_CONNECT_TIMEOUT, True),
        (errors.ENDPOINT_TIMEOUT, True),
        (errors.ENDPOINT_CONNECTION_CLOSED, True),
        (errors.ENDPOINT_RECEIVE_FAILED, True),
        (errors.ENDPOINT_PROTOCOL_VIOLATION, True),
        (errors.ENDPOINT_BUSY, False),
        (errors.INCOMPLETE_PAYLOAD, False),
        (errors.CONTENT_TOO_LARGE, False),
    ],
)
def test_faults_of_the_backend_count_and_those_of_clients_do_not(kind: ErrorKind, counts: bool) -> None:
    async def scenario(node: Node) -> None:
        broken = Answer(fault=Fault(kind))
        assert [True, True, not counts] == await node.calls(broken, broken, GOOD)

    with_breaker(scenario)


def test_a_refusal_by_another_policy_says_nothing_of_the_backend() -> None:
    async def scenario(node: Node) -> None:
        full = Answer(fault=Reject(errors.ENDPOINT_FULL))
        assert all(await node.calls(*[full] * 10, GOOD))

    with_breaker(scenario)


@pytest.mark.parametrize(
    ("settings", "answer", "counts"),
    [
        ({}, Answer(501), False),
        ({}, Answer(404), False),
        ({"statuses": [404]}, Answer(404), True),
        ({"statuses": [404]}, Answer(500), False),
        ({"failure_when": "response.status == 429"}, Answer(429), True),
        ({"failure_when": 'response.headers["x-state"] == "sick"'}, Answer(200, {"X-State": "sick"}), True),
        ({"failure_when": 'fault.code == "303002"'}, Answer(fault=Fault(errors.ENDPOINT_BUSY)), True),
        ({"faults": ["busy"]}, Answer(fault=Fault(errors.ENDPOINT_BUSY)), True),
        ({"faults": ["connect"]}, Answer(fault=Fault(errors.ENDPOINT_TIMEOUT)), False),
    ],
)
def test_an_operator_says_what_a_failure_is(settings: dict[str, Any], answer: Answer, counts: bool) -> None:
    async def scenario(node: Node) -> None:
        assert [True, True, not counts] == await node.calls(answer, answer, GOOD)

    with_breaker(scenario, **settings)


def test_a_condition_with_an_error_fails_the_exchange_and_says_nothing_of_the_backend() -> None:
    async def scenario(node: Node) -> None:
        outcomes = [await node.call(GOOD) for _ in range(5)]
        assert {("CONDITION_FAILURE", True)} == {
            (outcome.fault.kind.key, outcome.reached_endpoint) for outcome in outcomes if outcome.fault
        }

    with_breaker(scenario, failure_when="response.status")


class Slow(FakeEndpoint):
    """An endpoint that takes its time, by the clock of the test."""

    def __init__(self, node: Node, seconds: float, *answers: Answer) -> None:
        super().__init__(*answers)
        self._node = node
        self._seconds = seconds

    async def send(self, exchange: Exchange, target: str | None = None) -> Response:
        self._node.context.clock.advance(self._seconds)
        return await super().send(exchange, target)


def test_slow_calls_open_it() -> None:
    async def scenario(node: Node) -> None:
        await node.call(Slow(node, 1.99))
        await node.call(Slow(node, 2.0))
        assert [True] == await node.calls(GOOD)
        for _ in range(3):
            await node.call(Slow(node, 2.0))
        assert [False] == await node.calls(GOOD)

    with_breaker(scenario, slow_duration="2s", slow_ratio=0.6)


class Hanging(Endpoint):
    """An endpoint that never answers."""

    async def send(self, exchange: Exchange) -> Response:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(("waited", "counts"), [(2.0, True), (1.0, False)])
def test_clients_who_gave_up_after_a_slow_call_say_that_it_was_slow(waited: float, counts: bool) -> None:
    async def scenario(node: Node) -> None:
        for _ in range(2):
            task = asyncio.ensure_future(node.call(Hanging()))
            await asyncio.sleep(0)
            node.context.clock.advance(waited)
            task.cancel()
            await asyncio.wait([task])
        assert [not counts] == await node.calls(GOOD)

    with_breaker(scenario, slow_duration="2s")


def test_a_client_who_leaves_during_a_probe_leaves_room_for_the_next() -> None:
    async def scenario(node: Node) -> None:
        await node.calls(BAD, BAD)
        node.context.clock.advance(10)
        probe = asyncio.ensure_future(node.call(Hanging()))
        await asyncio.sleep(0)
        assert [False] == await node.calls(GOOD)
        probe.cancel()
        await asyncio.wait([probe])
        assert [True] == await node.calls(GOOD)

    with_breaker(scenario)


def test_a_hundred_calls_at_once_make_no_more_probes_than_allowed() -> None:
    async def scenario(node: Node) -> None:
        await node.calls(BAD, BAD)
        node.context.clock.advance(10)
        waiting = [asyncio.ensure_future(node.call(Hanging())) for _ in range(100)]
        for _ in range(10):
            await asyncio.sleep(0)
        pending = [task for task in waiting if not task.done()]
        assert 3 == len(pending)
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)

    with_breaker(scenario, probes=3)


def test_a_fallback_answers_in_the_place_of_the_error() -> None:
    async def scenario(node: Node) -> None:
        await node.calls(BAD, BAD)
        outcome = await node.call(GOOD, make_exchange("GET /orders/7"))
        assert (203, b'{"path": "/orders/7"}', False) == (outcome.status, outcome.body, outcome.reached_endpoint)
        assert outcome.response is not None
        assert ("application/json", "yes") == (
            outcome.response.headers["Content-Type"],
            outcome.response.headers["X-Stale"],
        )

    fallback = {"status": 203, "body": '{"path": "{{ request.path }}"}', "headers": {"X-Stale": "yes"}}
    with_breaker(scenario, fallback=fallback)


def at(version: str = "1.0", key_type: Any = None, operation: Operation | None = None) -> Callable[[], Exchange]:
    def make() -> Exchange:
        exchange = make_exchange(api=API("orders", version, "/"), operation=operation)
        exchange.key_type = key_type
        return exchange

    return make


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        (at(version="2.0"), True),
        (at(key_type="sandbox"), True),
        (at(key_type="production"), False),
        (at(operation=Operation("GET", "/own", own_endpoint=True)), True),
        (at(operation=Operation("GET", "/shared")), False),
    ],
)
def test_each_endpoint_has_a_breaker_of_its_own(other: Callable[[], Exchange], apart: bool) -> None:
    async def scenario(node: Node) -> None:
        await node.calls(BAD, BAD, exchange=at())
        assert [apart] == await node.calls(GOOD, exchange=other)

    with_breaker(scenario)


def test_a_key_may_be_an_expression_whose_values_the_log_does_not_show() -> None:
    async def scenario(node: Node) -> None:
        def of(tenant: str) -> Callable[[], Exchange]:
            return lambda: make_exchange(headers={"X-Tenant": tenant})

        await node.calls(BAD, BAD, exchange=of("s3cret"))
        assert [False] == await node.calls(GOOD, exchange=of("s3cret"))
        assert [True] == await node.calls(GOOD, exchange=of("other"))
        assert "s3cret" not in repr(node.context.log.lines)

    with_breaker(scenario, key='request.headers["x-tenant"]')


def test_keys_are_bounded_and_what_is_forgotten_is_counted() -> None:
    async def scenario(node: Node) -> None:
        for number in range(10):
            await node.calls(GOOD, exchange=lambda number=number: make_exchange(f"GET /{number}"))
        assert 7 == node.counted("forgotten_keys_total")

    with_breaker(scenario, key="request.path", max_keys=3)


def test_changes_and_stopped_calls_are_counted_and_changes_are_logged() -> None:
    async def scenario(node: Node) -> None:
        opened = node.context.metrics.gauges["apim_circuit_breakers_open", node.context.place]
        await node.calls(BAD, BAD, GOOD, GOOD)
        assert 1 == opened()
        node.context.clock.advance(10)
        await node.calls(GOOD)
        assert 0 == opened()
        counted = [node.counted("changes_total", state) for state in ("open", "half-open", "closed")]
        assert ([1, 1, 1], 2) == (counted, node.counted("refused_total"))
        assert [
            ("warning", "a circuit breaker opened", "2 of 2 calls failed"),
            ("info", "a circuit breaker is half-open", "its time is over"),
            ("info", "a circuit breaker is closed", "its probes were answered"),
        ] == [(line.level, line.event, line.facts["reason"]) for line in node.context.log.lines]
        assert {"test 1.0"} == {line.facts["key"] for line in node.context.log.lines}

    with_breaker(scenario)


@pytest.mark.parametrize(("changed", "kept"), [({}, True), ({"fallback": {"body": "x"}}, True), ({"probes": 2}, False)])
def test_a_breaker_outlasts_a_reload_unless_its_rules_change(changed: dict[str, Any], kept: bool) -> None:
    async def body() -> None:
        context = FakeContext()
        old = build(CircuitBreaker, SOON)
        await old.start(context)
        await Node(old, context).calls(BAD, BAD)
        async with started(build(CircuitBreaker, {**SOON, **changed}), context) as new:
            assert [not kept] == await Node(new, context).calls(GOOD)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window_calls": 10, "minimum_calls": 11}, "never open"),
        ({"open_duration": "3m"}, "max_open_duration"),
        ({"window": 0}, "longer than nothing"),
        ({"failure_ratio": 0}, "failure_ratio"),
        ({"statuses": [99]}, "99 is no status"),
        ({"key": "request.nonsense("}, "expected an expression"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(CircuitBreaker, settings)
