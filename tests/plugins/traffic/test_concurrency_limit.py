"""So many requests of a consumer at once, each of which gives its room back once, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Application, Exchange, Reject
from apim_sdk.testing import FakeContext, build, make_exchange, started
from apim_traffic.concurrency_limit import ConcurrencyLimit
from support.backend import Conversation, backend
from support.gateway import api, serving
from support.gateway import run as run_on_uvloop

ACME, BOLT = Application("acme", "1"), Application("bolt", "2")


def with_limit(scenario: Callable[[ConcurrencyLimit, FakeContext], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def body() -> None:
        context = FakeContext()
        async with started(build(ConcurrencyLimit, {"max_requests": 2, **settings}), context) as policy:
            await scenario(policy, context)

    asyncio.run(body())


def over(exchange: Exchange) -> None:
    """The exchange has ended."""
    while exchange._deferred:
        exchange._deferred.pop()()


def lets_in(policy: ConcurrencyLimit, exchange: Exchange) -> bool:
    try:
        policy.on_request(exchange)
    except Reject:
        return False
    return True


def test_one_request_more_than_allowed_is_refused_until_one_is_over() -> None:
    async def scenario(policy: ConcurrencyLimit, context: FakeContext) -> None:
        first, *rest = [make_exchange() for _ in range(4)]
        assert [True, True, False] == [lets_in(policy, exchange) for exchange in (first, *rest[:2])]
        over(first)
        assert [True, False] == [lets_in(policy, exchange) for exchange in rest[1:]]

    with_limit(scenario)


def test_a_refusal_says_why_and_is_counted() -> None:
    async def scenario(policy: ConcurrencyLimit, context: FakeContext) -> None:
        policy.on_request(make_exchange())
        with pytest.raises(Reject) as refused:
            policy.on_request(make_exchange())
        fault = refused.value
        assert ("900808", 429, "1") == (fault.kind.code, fault.status, fault.headers["Retry-After"])
        assert "You may have 1 requests under way at once" == fault.description
        assert 1 == context.metrics.counters["apim_concurrency_limit_refused_total", context.place]
        assert 1 == context.metrics.gauges["apim_concurrency_limit_requests", context.place]()

    with_limit(scenario, max_requests=1)


@pytest.mark.parametrize(
    ("key", "other", "apart"),
    [
        ("application", make_exchange(application=BOLT), True),
        ("application", make_exchange(application=ACME, client="203.0.113.8"), False),
        ("ip", make_exchange(application=ACME, client="203.0.113.8"), True),
        ("request.method", make_exchange("POST /", application=ACME), True),
    ],
)
def test_what_has_the_same_key_is_counted_together(key: str, other: Exchange, apart: bool) -> None:
    async def scenario(policy: ConcurrencyLimit, context: FakeContext) -> None:
        policy.on_request(make_exchange(application=ACME))
        assert apart is lets_in(policy, other)

    with_limit(scenario, max_requests=1, key=key)


def test_requests_that_are_under_way_still_count_after_a_reload() -> None:
    async def scenario(policy: ConcurrencyLimit, context: FakeContext) -> None:
        first = make_exchange()
        policy.on_request(first)
        newer = build(ConcurrencyLimit, {"max_requests": 1})
        await newer.start(context)
        assert not lets_in(newer, make_exchange())
        over(first)
        assert lets_in(newer, make_exchange())

    with_limit(scenario)


def test_over_sockets_room_is_taken_until_the_answer_is_sent_or_its_client_has_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        end = asyncio.Event()

        async def script(conversation: Conversation) -> None:
            while True:
                request = await conversation.request()
                if b"/2" in request.line:
                    await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    continue
                await conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                await end.wait()
                end.clear()
                await conversation.say(b"1\r\nb\r\n0\r\n\r\n")

        flows = "{request: [{concurrency-limit: {max_requests: 1, key: ip}}]}"
        async with backend(script) as served_by:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{served_by.port}"}}}}'
            async with serving(api(flows=flows, endpoint=endpoint), tmp_path) as served:
                long = f"{served.url}/api/items/1"
                async with served.session.get(long) as streaming:
                    assert b"a" == await streaming.content.readany()
                    assert 429 == (await served.get("/api/items/2")).status
                    end.set()
                    assert b"b" == await streaming.content.read()
                assert 200 == (await served.get("/api/items/2")).status
                streaming = await served.session.get(long)
                assert 429 == (await served.get("/api/items/2")).status
                streaming.close()
                async with asyncio.timeout(5):
                    while (await served.get("/api/items/2")).status != 200:
                        await asyncio.sleep(0.01)

    run_on_uvloop(scenario)
