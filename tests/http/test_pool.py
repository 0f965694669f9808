import asyncio
import contextlib
import socket

import pytest
from apim_sdk import Fault, Headers, Request
from apim_sdk.body import Body
from apim_sdk.errors import ENDPOINT_BUSY, ENDPOINT_TIMEOUT
from hypothesis import given, settings
from hypothesis import strategies as st
from support.backend import always, backend, pool_of
from support.gateway import run

from apim_core.http.deadlines import Sweeper
from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_settings import Origin, UpstreamSettings

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def get(path="/"):
    return Request("GET", path, headers=Headers([("Host", "api.example")]))


class Gate:
    """A backend that holds its answers back until it is opened, and knows how many exchanges it has at once."""

    def __init__(self):
        self.opened = asyncio.Event()
        self.now = 0
        self.most = 0
        self.served = []

    async def __call__(self, conversation):
        while True:
            await conversation.request()
            self.served.append(conversation.number)
            self.now += 1
            self.most = max(self.most, self.now)
            await self.opened.wait()
            self.now -= 1
            await conversation.say(HELLO)


async def until(condition):
    """Let the loop turn until something holds; the test's own time-out ends it if it never does."""
    while not condition():
        await asyncio.sleep(0.001)


def test_no_more_connections_are_opened_than_allowed():
    async def main():
        gate = Gate()
        async with backend(gate) as served, pool_of(served, max_connections=3) as pool:
            sending = [asyncio.create_task(pool.send(get(), "/")) for _ in range(10)]
            await until(lambda: gate.now == 3 and pool.counts.queued == 7)
            gate.opened.set()
            answers = await asyncio.gather(*sending)
            assert [b"hello"] * 10 == [answer.body.data for answer in answers]
            assert (3, 3) == (gate.most, len(served.conversations))

    run(main)


def test_who_waits_too_long_is_refused():
    async def main():
        async with backend(Gate()) as served, pool_of(served, max_connections=1, queue_timeout=0.05) as pool:
            sending = asyncio.create_task(pool.send(get(), "/"))
            await until(lambda: served.conversations)
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/")
            assert ENDPOINT_BUSY == caught.value.kind
            assert (503, 1) == (caught.value.status, pool.counts.queue_expired)
            sending.cancel()

    run(main)


def test_who_comes_to_a_full_queue_is_refused_at_once():
    async def main():
        gate = Gate()
        async with backend(gate) as served, pool_of(served, max_connections=1, queue_size=1) as pool:
            sending = [asyncio.create_task(pool.send(get(), "/")) for _ in range(2)]
            await until(lambda: gate.now == 1 and pool.counts.queued == 1)
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/")
            assert (ENDPOINT_BUSY, 1) == (caught.value.kind, pool.counts.queue_refused)
            gate.opened.set()
            await asyncio.gather(*sending)

    run(main)


def test_the_total_time_covers_waiting_for_a_connection():
    async def main():
        async with backend(Gate()) as served, pool_of(served, max_connections=1) as pool:
            sending = asyncio.create_task(pool.send(get(), "/"))
            await until(lambda: served.conversations)
            with pytest.raises(Fault) as caught:
                await pool.send(get(), "/", total_timeout=0.05)
            assert ENDPOINT_TIMEOUT == caught.value.kind
            sending.cancel()

    run(main)


def test_who_leaves_the_line_hands_the_connection_on():
    async def main():
        gate = Gate()
        async with backend(gate) as served, pool_of(served, max_connections=1) as pool:
            first, second, third = (asyncio.create_task(pool.send(get(), "/")) for _ in range(3))
            await until(lambda: gate.now == 1 and pool.counts.queued == 2)
            gate.opened.set()
            await first
            second.cancel()
            assert b"hello" == (await third).body.data
            assert second.cancelled()

    run(main)


@pytest.mark.parametrize("turns", range(12))
def test_cancelling_at_any_moment_loses_no_connection(turns):
    async def main():
        async with backend(always(HELLO)) as served, pool_of(served, max_connections=1) as pool:
            first, second, third = (asyncio.create_task(pool.send(get(), "/")) for _ in range(3))
            for _ in range(turns):
                await asyncio.sleep(0)
            second.cancel()
            assert b"hello" == (await first).body.data
            assert b"hello" == (await third).body.data
            await asyncio.wait((second,))

    run(main)


def test_a_broken_connection_gives_its_place_to_who_waits():
    async def main():
        async def script(conversation):
            await conversation.request()
            if conversation.number == 0:
                conversation.reset()
            else:
                await conversation.say(HELLO)
                await conversation.closed()

        async with backend(script) as served, pool_of(served, max_connections=1) as pool:
            first, second = (asyncio.create_task(pool.send(get(), "/")) for _ in range(2))
            with pytest.raises(Fault):
                await first
            assert b"hello" == (await second).body.data

    run(main)


def test_a_failed_connection_gives_its_place_to_who_waits():
    async def main():
        async with backend(always(HELLO)) as served:
            pass
        async with pool_of(served, max_connections=1) as pool:
            results = await asyncio.gather(*(pool.send(get(), "/") for _ in range(5)), return_exceptions=True)
            assert ["101503"] * 5 == [fault.kind.code for fault in results]

    run(main)


def test_no_more_idle_connections_are_kept_than_allowed():
    async def main():
        gate = Gate()
        async with backend(gate) as served, pool_of(served, max_idle=2) as pool:
            sending = [asyncio.create_task(pool.send(get(), "/")) for _ in range(5)]
            await until(lambda: gate.now == 5)
            gate.opened.set()
            await asyncio.gather(*sending)
            await until(lambda: pool.counts.open == 2)

    run(main)


def test_an_idle_connection_is_closed_after_a_while():
    async def main():
        async with backend(always(HELLO)) as served, pool_of(served, keep_alive=0.05) as pool:
            await pool.send(get(), "/")
            assert 1 == pool.counts.open
            await until(lambda: pool.counts.open == 0)

    run(main)


def test_an_idle_connection_that_the_backend_closes_is_forgotten():
    async def main():
        async def script(conversation):
            await conversation.request()
            await conversation.say(HELLO)

        async with backend(script) as served, pool_of(served) as pool:
            await pool.send(get(), "/")
            await until(lambda: pool.counts.open == 0)
            await pool.send(Request("POST", "/", body=Body(b"x")), "/")
            assert (2, 0) == (len(served.conversations), pool.counts.retried)

    run(main)


def test_the_connection_used_last_is_used_next():
    async def main():
        gate = Gate()
        async with backend(gate) as served, pool_of(served) as pool:
            sending = [asyncio.create_task(pool.send(get(), "/")) for _ in range(3)]
            await until(lambda: gate.now == 3)
            gate.opened.set()
            await asyncio.gather(*sending)
            gate.served.clear()
            for _ in range(5):
                await pool.send(get(), "/")
            assert 1 == len(set(gate.served))

    run(main)


def test_a_name_that_moves_takes_its_connections_along():
    async def main():
        found = ["127.0.0.1"]

        async def lookup(name, port):
            return tuple((socket.AF_INET, (host, port)) for host in found)

        async with backend(always(HELLO)) as served, contextlib.AsyncExitStack() as stack:
            second = await stack.enter_async_context(backend(always(HELLO), host="127.0.0.2", port=served.port))
            origin = Origin("http", "backend.example", served.port)
            pool = UpstreamPool(origin, UpstreamSettings(resolve_every=0.01), lookup=lookup, sweeper=Sweeper(0.01))
            await pool.send(get(), "/")
            found[:] = ["127.0.0.2"]
            await until(lambda: pool.counts.open == 0)
            await pool.send(get(), "/")
            assert (1, 1) == (len(served.conversations), len(second.conversations))
            await pool.stop()

    run(main)


async def echo(conversation):
    """Answers with what was sent, in pieces of which the size depends on the content, so that exchanges interleave."""
    while True:
        request = await conversation.request()
        size = 1 + len(request.body) % 7 * 40
        await conversation.say(
            b"HTTP/1.1 200 OK\r\nX-Path: %b\r\nTransfer-Encoding: chunked\r\n" % request.line.split()[1]
        )
        await conversation.say(b"\r\n")
        for place in range(0, len(request.body), size):
            piece = request.body[place : place + size]
            await conversation.say(b"%x\r\n%b\r\n" % (len(piece), piece))
        await conversation.say(b"0\r\n\r\n")


@settings(max_examples=15, deadline=None)
@given(
    limit=st.integers(1, 8),
    exchanges=st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["whole", "stream", "cancel", "drop"])), min_size=1, max_size=40
    ),
)
def test_concurrent_exchanges_never_mix(limit, exchanges):
    async def main():
        async with backend(echo) as served, pool_of(served, max_connections=limit, queue_timeout=20) as pool:

            async def one(number, size, way):
                content = (b"%d," % number) * size

                async def chunks():
                    for place in range(0, len(content), 100):
                        yield content[place : place + 100]

                body = Body.stream(chunks()) if way == "stream" else Body(content)
                response = await pool.send(Request("POST", "/", body=body), f"/{number}")
                assert f"/{number}" == response.headers["x-path"]
                if way == "drop":
                    response.body.close()
                    return
                await asyncio.sleep(0)
                assert content == await response.body.read()

            tasks = [asyncio.create_task(one(number, *exchange)) for number, exchange in enumerate(exchanges)]
            await asyncio.sleep(0.002)
            for task, (_, way) in zip(tasks, exchanges, strict=True):
                if way == "cancel":
                    task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            wrong = [one for one in results if one is not None and not isinstance(one, asyncio.CancelledError)]
            assert [] == wrong
            assert pool.counts.open <= limit

    run(main)
