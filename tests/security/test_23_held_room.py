"""Threat class 23, as far as room at a backend goes: a slow client must not hold what others need."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
from support.backend import Conversation, backend
from support.gateway import Served, api, run, serving

SHORT = "timeouts: {write: 300ms, body: 300ms, body_rate: 0}\n"
STEPS = {
    "bulkhead": "bulkhead: {max_calls: 1}",
    "concurrency-limit": "concurrency-limit: {max_requests: 1, key: api}",
    "adaptive-concurrency": "adaptive-concurrency: {initial_limit: 1, min_limit: 1, max_limit: 1}",
}


async def endless(conversation: Conversation) -> None:
    """A backend whose answers are as long as anybody reads them; those to HEAD have no body."""
    while True:
        request = await conversation.request()
        if request.line.startswith(b"HEAD"):
            await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
            continue
        await conversation.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await conversation.say(b"10000\r\n" + b"x" * 65536 + b"\r\n")


async def status_within(served: Served, status: int) -> None:
    """Wait until a short call gets this status."""
    async with asyncio.timeout(10):
        while (await served.call("HEAD", "/api/items/1")).status != status:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_a_client_that_does_not_read_loses_its_room(step: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with backend(endless) as behind:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{behind.port}"}}}}'
            text = api(flows=f"{{request: [{step}]}}", endpoint=endpoint, rest=SHORT)
            text = text.replace('{match: "GET /items/{id}"}', '{match: "* /items/{id}"}')
            async with serving(text, tmp_path) as served:
                with socket.socket() as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    client.connect(("127.0.0.1", served.port))
                    client.sendall(b"GET /api/items/1 HTTP/1.1\r\nHost: a\r\n\r\n")
                    refused = 429 if "concurrency-limit" in step and "adaptive" not in step else 503
                    await status_within(served, refused)
                    await status_within(served, 200)
                    assert 200 == (await served.call("HEAD", "/api/items/1")).status

    run(scenario)


def test_a_client_that_does_not_send_its_body_holds_no_room_for_a_retry(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with backend(endless) as behind:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{behind.port}"}}}}'
            steps = "{retry: {methods: [POST]}}, {bulkhead: {max_calls: 1}}"
            async with serving(api(flows=f"{{request: [{steps}]}}", endpoint=endpoint, rest=SHORT), tmp_path) as served:
                reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
                writer.write(b"POST /api/items HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx")
                status = await asyncio.wait_for(reader.readline(), 10)
                assert b"408" == status[9:12]
                assert [] == behind.conversations, "what is still arriving waits before the line, not in it"
                exposition = served.gateway.metrics.exposition().decode()
                assert ["0.0"] == re.findall(r"^apim_bulkhead_calls{.*} (\S+)$", exposition, re.MULTILINE)
                writer.close()

    run(scenario)


async def attentive(conversation: Conversation) -> None:
    """A backend that reads each request to its end, and then answers at once."""
    while True:
        await conversation.request()
        await conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


BREAKERS = {
    "that counts slow calls": "circuit-breaker: {minimum_calls: 2, slow_duration: 100ms}",
    "in front of a time-out": "{circuit-breaker: {minimum_calls: 2}}, {timeout: {head: 100ms}}",
    "in front of a time-out of a try": "{circuit-breaker: {minimum_calls: 2}}, {retry: {try_timeout: 100ms}}",
    "in front of a time-out of all tries": "{circuit-breaker: {minimum_calls: 2}}, {retry: {total_timeout: 100ms}}",
    "in front of a retry that holds the body": (
        "{circuit-breaker: {minimum_calls: 2, slow_duration: 100ms}}, {retry: {methods: [POST]}}"
    ),
}


@pytest.mark.parametrize("steps", BREAKERS.values(), ids=BREAKERS.keys())
def test_clients_who_send_slowly_cannot_make_a_backend_look_slow(steps: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with backend(attentive) as behind:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{behind.port}"}}}}'
            text = api(flows=f"{{request: [{steps}]}}", endpoint=endpoint)
            async with serving(text, tmp_path) as served:
                for slow in await asyncio.gather(*(trickle(served) for _ in range(5))):
                    assert slow in (200, 408)
                assert 200 == (await served.get("/api/items/1")).status

    run(scenario)


async def trickle(served: Served) -> int:
    """Send an order over a quarter of a second, and see what comes of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /api/items HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    for _ in range(5):
        await asyncio.sleep(0.05)
        writer.write(b"x")
    status = (await reader.readline())[9:12]
    writer.close()
    return int(status)
