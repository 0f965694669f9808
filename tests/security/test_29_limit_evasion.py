"""Threat class 29, evasion of limits: edges of windows, spelling, addresses at hand, many keys, many calls at once."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing import Answer, FakeContext, make_exchange
from apim_sdk.testing.backend import FakeBackend
from apim_traffic.quota import Quota
from support.gateway import Served, run, serving
from support.limits import Try, limited

TEXT = """
management: {{enabled: false}}
trusted_proxies: {proxies}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    flows: {{request: [{step}]}}
    operations: [{{match: "GET /items/{{id}}"}}, {{match: "POST /items"}}]
"""
GET = ("GET", "/api/items/1", {})


def reached(folder: Path, step: dict[str, Any], calls: list[tuple[str, str, Any]], proxies: str = "[]") -> int:
    """How many of the calls, made at once, the backend saw; every other was refused with 429."""

    async def scenario() -> int:
        async with FakeBackend(Answer(200, body="ok")) as backend:
            text = TEXT.format(backend=backend.url, step=json.dumps(step), proxies=proxies)
            async with serving(text, folder) as served:
                answers = await asyncio.gather(
                    *(served.call(method, path, headers=headers) for method, path, headers in calls)
                )
            assert {200, 429} >= {answer.status for answer in answers}
            assert len(backend.requests) == [answer.status for answer in answers].count(200)
            return len(backend.requests)

    seen: int = run(scenario())
    return seen


def rate(key: str, requests: int = 3, **more: Any) -> dict[str, Any]:
    return {"rate-limit": {"requests": requests, "per": "1h", "key": key, **more}}


@pytest.mark.parametrize("algorithm", ["gcra", "sliding-window", "sliding-log", "fixed-window"])
def test_calls_that_come_at_once_do_not_slip_through_together(tmp_path: Path, algorithm: str) -> None:
    assert 10 == reached(tmp_path, rate("api", 10, algorithm=algorithm), [GET] * 60)


def test_a_name_spelled_in_another_case_is_the_same_key(tmp_path: Path) -> None:
    names = ["X-Tenant", "x-tenant", "X-TENANT", "x-Tenant", "X-tenanT"]
    calls = [("GET", "/api/items/1", {name: "a"}) for name in names]
    assert 3 == reached(tmp_path, rate("request.headers['X-Tenant']"), calls)


def test_a_second_header_of_the_name_changes_nothing(tmp_path: Path) -> None:
    calls = [("GET", "/api/items/1", [("X-Tenant", "a"), ("X-Tenant", f"b{number}")]) for number in range(6)]
    assert 3 == reached(tmp_path, rate("request.headers['x-tenant']"), calls)


@pytest.mark.parametrize("key", ["operation", "request.path"])
def test_a_path_spelled_in_another_way_is_the_same_key(tmp_path: Path, key: str) -> None:
    paths = ["/api/items/1", "/api//items/1", "/api/./items/1", "/api/x/../items/1", "/api/items/%31", "/api/items/1?x"]

    async def scenario() -> list[int]:
        async with FakeBackend(Answer(200)) as backend:
            text = TEXT.format(backend=backend.url, step=json.dumps(rate(key)), proxies="[]")
            async with serving(text, tmp_path) as served:
                statuses = [await raw(served, path) for path in paths * 2]
            return [len(backend.requests), statuses.count(200)]

    assert [3, 3] == run(scenario())


async def raw(served: Served, path: str) -> int:
    """The status of a GET of exactly this path, which a client's library would put in order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


def forwarded(*addresses: str) -> list[tuple[str, str, Any]]:
    return [("GET", "/api/items/1", {"X-Forwarded-For": address}) for address in addresses]


def test_the_addresses_of_one_ipv6_subscriber_are_one_key(tmp_path: Path) -> None:
    calls = forwarded(*(f"2001:db8:0:7::{number:x}" for number in range(1, 30)))
    assert 3 == reached(tmp_path, rate("ip"), calls, "[127.0.0.1]")
    wide = forwarded(*(f"2001:db8:0:{number:x}::1" for number in range(1, 30)))
    assert 3 == reached(tmp_path, rate("ip", ipv6_prefix=48), wide, "[127.0.0.1]")


def test_an_address_of_ipv4_written_as_one_of_ipv6_is_the_same_key(tmp_path: Path) -> None:
    calls = forwarded("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "192.0.2.7", "[::ffff:192.0.2.7]:80")
    assert 3 == reached(tmp_path, rate("ip"), calls, "[127.0.0.1]")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP"])
def test_an_address_that_a_client_makes_up_is_no_key(tmp_path: Path, header: str) -> None:
    value = "for={}" if header == "Forwarded" else "{}"
    calls = [("GET", "/api/items/1", {header: value.format(f"192.0.2.{number}")}) for number in range(9)]
    assert 3 == reached(tmp_path, rate("ip"), calls)


def test_a_cost_that_a_client_says_gives_nothing_back(tmp_path: Path) -> None:
    step = rate("api", cost="1 + int(request.headers['x-cost'])")
    calls = [("GET", "/api/items/1", {"X-Cost": cost}) for cost in ("0", "0", "0", "-1000", "0", "-9", "0")]
    # What costs nothing comes through, and leaves the count as it is.
    assert 5 == reached(tmp_path, step, calls)


def test_keys_that_a_client_makes_up_take_a_bounded_room_and_none_from_other_limits(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, bytes]:
        steps = f"{json.dumps(rate('api', 50))}, " + json.dumps(
            {"rate-limit": {"requests": 1, "per": "1h", "key": "request.headers['x-tenant']", "max_keys": 10}}
        )
        async with FakeBackend(Answer(200)) as backend:
            text = TEXT.format(backend=backend.url, step=steps, proxies="[]")
            async with serving(text, tmp_path) as served:
                for number in range(60):
                    await served.get("/api/items/1", X_Tenant=f"{number}" * 2000)
                return len(backend.requests), served.gateway.metrics.exposition()

    seen, metrics = run(scenario())
    assert 50 == seen
    assert b'apim_limit_forgotten_keys_total{place="apis/items:1.0/request/rate-limit#2"} 40.0' in metrics


@pytest.mark.parametrize("algorithm", ["gcra", "sliding-log"])
def test_no_span_of_time_lets_more_through_wherever_windows_begin(tmp_path: Path, algorithm: str) -> None:
    limit = {"rate-limit": {"requests": 8, "per": "400ms", "key": "api", "algorithm": algorithm}}

    async def scenario() -> list[tuple[float, float]]:
        passed = []
        async with FakeBackend(Answer(200)) as backend:
            text = TEXT.format(backend=backend.url, step=json.dumps(limit), proxies="[]")
            async with serving(text, tmp_path) as served:
                end = time.monotonic() + 1.6
                while time.monotonic() < end:
                    before = time.monotonic()
                    if (await served.get("/api/items/1")).status == 200:
                        passed.append((before, time.monotonic()))
        return passed

    passed = run(scenario())
    assert len(passed) >= 16  # limits that let nothing through would be exact, too
    for first, (_, decided) in enumerate(passed):
        for last in range(first + 1, len(passed)):
            # Decided between `before` and `after`: the longest that these can have been apart.
            apart = passed[last][1] - passed[first][0]
            most = 8 + apart / 0.4 * 8 + 1 if algorithm == "gcra" else 8 * (int(apart / 0.4) + 1)
            assert last - first + 1 <= most, (first, last, decided)


def test_a_clock_that_is_set_back_opens_no_new_window() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        assert [200, 429] == [(await attempt(make_exchange())).status for _ in range(2)]
        for step in (-1, -3_600, -86_400):
            context.clock.epoch += step
            assert 429 == (await attempt(make_exchange())).status

    limited(Quota, {"requests": 1, "per": "1d"}, steps)
    limited(Quota, {"requests": 1, "per": "1d", "window": "first-call"}, steps)


def test_a_client_that_goes_away_has_used_what_it_used(tmp_path: Path) -> None:
    limit = {"bandwidth-limit": {"bytes": "64KiB", "per": "1h", "key": "ip", "of": "request"}}

    async def scenario() -> int:
        async with FakeBackend(Answer(200)) as backend:
            text = TEXT.format(backend=backend.url, step=json.dumps(limit), proxies="[]")
            async with serving(text, tmp_path) as served:
                _, writer = await asyncio.open_connection("127.0.0.1", served.port)
                writer.write(b"POST /api/items HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
                writer.close()
                deadline = time.monotonic() + 10
                while (status := (await served.get("/api/items/1")).status) == 200 and time.monotonic() < deadline:
                    await asyncio.sleep(0.01)
                return status

    assert 429 == run(scenario())
