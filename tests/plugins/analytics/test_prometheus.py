"""Records become counters and a histogram."""

from __future__ import annotations

import asyncio

import pytest
from apim_analytics.prometheus import Prometheus
from apim_sdk import API, Exchange, MessageTotals, Operation, Record, Reject
from apim_sdk.errors import MISSING_CREDENTIALS
from apim_sdk.testing import FakeContext, FakeMetrics, build, make_exchange, started


def record(exchange: Exchange, status: int = 200, duration: float = 0.25) -> Record:
    exchange.timings.started = 1000.0
    exchange.timings.finished = 1000.0 + duration
    return Record(exchange, status, 1768000000.0)


def counted(*batches: list[Record], settings: dict[str, object] | None = None) -> FakeMetrics:
    async def write() -> FakeMetrics:
        context = FakeContext()
        sink = build(Prometheus, settings or {})
        async with started(sink, context):
            for batch in batches:
                await sink.write(batch)
        return context.metrics

    return asyncio.run(write())


def order(plan: str | None = "gold") -> Exchange:
    return make_exchange(
        plan=plan, api=API("orders", "1.0", "/orders"), operation=Operation("GET", "/orders/{id}"), principal="anna"
    )


def test_requests_are_counted_by_what_they_were_and_how_they_ended() -> None:
    metrics = counted([record(order()), record(order(), 404)], [record(order(), 204)])

    assert {
        ("apim_requests_total", "orders", "1.0", "GET /orders/{id}", "gold", "2xx", ""): 2,
        ("apim_requests_total", "orders", "1.0", "GET /orders/{id}", "gold", "4xx", ""): 1,
    } == metrics.counters


def test_a_refusal_is_counted_by_its_error() -> None:
    exchange = order(plan=None)
    exchange.fault = Reject(MISSING_CREDENTIALS)

    metrics = counted([record(exchange, 401)])

    assert {
        ("apim_requests_total", "orders", "1.0", "GET /orders/{id}", "", "4xx", "MISSING_CREDENTIALS"): 1
    } == metrics.counters


def test_messages_of_streams_are_counted_by_what_became_of_them() -> None:
    exchange = order()
    totals = exchange.messages = MessageTotals()
    plain = record(exchange)
    totals.stream, totals.received, totals.refused, totals.closed_by = "websocket", 3, 2, "rate-limit"

    metrics = counted([plain, record(exchange), record(exchange)])

    place = ("orders", "1.0", "GET /orders/{id}")
    found = {key: value for key, value in metrics.counters.items() if "stream" in key[0]}
    assert {
        ("apim_stream_messages_total", *place, "received"): 6,
        ("apim_stream_messages_total", *place, "refused"): 4,
        ("apim_streams_closed_by_policy_total", *place): 2,
    } == found


def test_durations_are_observed_in_seconds() -> None:
    metrics = counted([record(order(), duration=0.25), record(order(), duration=1.5)])

    assert {("apim_request_duration_seconds", "orders", "1.0", "GET /orders/{id}"): [0.25, 1.5]} == metrics.observations


def test_a_request_that_matched_nothing_has_empty_labels() -> None:
    exchange = order()
    del exchange.api, exchange.operation
    exchange.plan = None

    assert {("apim_requests_total", "", "", "", "", "4xx", ""): 1} == counted([record(exchange, 404)]).counters


def test_operations_past_the_bound_are_counted_together() -> None:
    exchanges = [
        make_exchange(api=API("a", "1", "/"), operation=Operation(method, "/")) for method in ("GET", "PUT", "PURGE")
    ]

    metrics = counted([record(exchange) for exchange in exchanges], settings={"max_operations": 1})

    assert {
        ("apim_requests_total", "a", "1", "GET /", "", "2xx", ""): 1,
        ("apim_requests_total", "a", "1", "other", "", "2xx", ""): 2,
    } == metrics.counters


@pytest.mark.parametrize("buckets", [[], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [-1.0]])
def test_buckets_that_do_not_ascend_are_refused(buckets: list[float]) -> None:
    with pytest.raises(Exception, match="buckets are upper bounds"):
        build(Prometheus, {"buckets": buckets})
