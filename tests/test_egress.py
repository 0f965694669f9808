"""Callouts: what an answer is, and the bounds of size and time. Where they may go is threat class 17."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from apim_sdk.testing import Answer
from apim_sdk.testing.backend import FakeBackend, Reply
from support.backend import Conversation, Script, backend
from support.gateway import run

from apim_core.egress import Egress

LOOPBACK = [ip_network("127.0.0.0/8")]


@asynccontextmanager
async def calling(
    *replies: Reply, limit: int = 1000, timeout: float = 10.0
) -> AsyncIterator[tuple[Egress, FakeBackend]]:
    """A client that may call a backend on loopback, and that backend."""
    egress = Egress(LOOPBACK, limit=limit, timeout=timeout)
    async with FakeBackend(*replies) as served:
        try:
            yield egress, served
        finally:
            await egress.close()


def test_the_answer_has_status_headers_in_lower_case_and_body() -> None:
    async def scenario() -> None:
        async with calling(Answer(203, {"X-Kind": "a"}, b"hello")) as (egress, served):
            answer = await egress.fetch(f"{served.url}/x?y=1")
            assert (203, "a", b"hello") == (answer.status, answer.headers["x-kind"], answer.body)
            assert "/x?y=1" == served.requests[0].target

    run(scenario())


def test_method_headers_and_body_are_sent() -> None:
    async def scenario() -> None:
        async with calling() as (egress, served):
            await egress.fetch(served.url, method="POST", headers={"X-A": "b"}, body=b"payload")
            request = served.requests[0]
            assert ("POST", "b", b"payload") == (request.method, request.headers["X-A"], request.body)

    run(scenario())


def test_an_error_status_is_an_answer() -> None:
    async def scenario() -> None:
        async with calling(Answer(503)) as (egress, served):
            assert 503 == (await egress.fetch(served.url)).status

    run(scenario())


def test_an_answer_of_just_the_limit_is_taken() -> None:
    async def scenario() -> None:
        async with calling(Answer(200, (), b"x" * 1000)) as (egress, served):
            assert 1000 == len((await egress.fetch(served.url)).body)

    run(scenario())


@pytest.mark.parametrize("body", [b"x" * 1001, [b"x" * 600, b"x" * 600]], ids=["whole", "in chunks"])
def test_an_answer_over_the_limit_is_refused(body: bytes | list[bytes]) -> None:
    async def scenario() -> None:
        async with calling(Answer(200, (), body)) as (egress, served):
            with pytest.raises(OSError, match=r"the answer of 127\.0\.0\.1 is larger than 1000 bytes"):
                await egress.fetch(served.url)

    run(scenario())


def test_the_limit_holds_for_what_is_decoded() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    assert len(bomb) < 1000 * 2

    async def scenario() -> None:
        async with calling(Answer(200, {"Content-Encoding": "gzip"}, bomb), limit=2000) as (egress, served):
            with pytest.raises(OSError, match="is larger than 2000 bytes"):
                await egress.fetch(served.url)

    run(scenario())


async def drip(conversation: Conversation) -> None:
    await conversation.request()
    await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await conversation.say(b"x")
        await asyncio.sleep(0.01)


async def say_nothing(conversation: Conversation) -> None:
    await conversation.closed()


@pytest.mark.parametrize("script", [say_nothing, drip])
def test_a_callout_ends_after_its_time_however_the_backend_delays_it(script: Script) -> None:
    async def scenario() -> None:
        async with backend(script) as served:
            egress = Egress(LOOPBACK, timeout=0.1)
            with pytest.raises(TimeoutError, match=r"127\.0\.0\.1 did not answer within 0\.1 s"):
                await egress.fetch(f"http://127.0.0.1:{served.port}/")
            await egress.close()

    run(scenario())


@pytest.mark.parametrize("reply", [None, b"nonsense\r\n\r\n", Answer(200, (), [b"half"], broken=True)])
def test_a_broken_answer_is_a_connection_error(reply: Reply) -> None:
    async def scenario() -> None:
        async with calling(reply) as (egress, served):
            with pytest.raises(ConnectionError, match=r"the callout to 127\.0\.0\.1 failed"):
                await egress.fetch(served.url)

    run(scenario())


def test_a_backend_that_is_not_there_is_a_connection_error() -> None:
    async def scenario() -> None:
        async with FakeBackend() as there:
            gone = there.url
        egress = Egress(LOOPBACK)
        with pytest.raises(ConnectionError, match="failed"):
            await egress.fetch(gone)
        await egress.close()

    run(scenario())


def test_connections_are_kept_for_the_next_callout() -> None:
    async def scenario() -> None:
        async with calling() as (egress, served):
            for _ in range(3):
                await egress.fetch(served.url)
            assert [1, 1, 1] == [request.connection for request in served.requests]

    run(scenario())


def test_no_cookie_is_kept_from_one_callout_to_the_next() -> None:
    async def scenario() -> None:
        async with calling(Answer(200, {"Set-Cookie": "a=b"})) as (egress, served):
            for _ in range(2):
                await egress.fetch(served.url)
            assert "Cookie" not in served.requests[1].headers

    run(scenario())


def test_it_can_be_closed_without_having_been_used() -> None:
    async def scenario() -> None:
        await Egress().close()

    run(scenario())
