import asyncio

import pytest
from apim_sdk import Headers, Response
from apim_sdk.body import BodyError
from support.wire import in_memory, read_all, serving

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class EchoTunnel:
    """An endpoint that sends back what it gets, in upper case; it closes after ``bye``."""

    def __init__(self):
        self.queue = asyncio.Queue()
        self.closed = False

    async def read(self):
        return await self.queue.get()

    async def write(self, data):
        self.queue.put_nowait(data.upper())
        if data.endswith(b"bye"):
            self.queue.put_nowait(b"")

    def close(self):
        self.closed = True


class Upgrading:
    """A handler that accepts every handshake."""

    def __init__(self):
        self.tunnels = []
        self.ended = []
        self.counts = None

    async def __call__(self, stream):
        response = Response(101, Headers([("Sec-WebSocket-Accept", "x"), ("Connection", "foo")]))
        response.tunnel = EchoTunnel()
        self.tunnels.append(response.tunnel)
        assert stream.request.headers["Upgrade"].lower() == "websocket"
        assert "Connection" not in stream.request.headers
        await stream.respond(response)
        self.counts = (stream.bytes_received, stream.bytes_sent)
        self.ended.append(stream.request.path)


def read_head(client):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += client.recv(1)
    return data


def test_bytes_go_both_ways_after_a_handshake():
    handler = Upgrading()
    with serving(handler) as served, served.connect() as client:
        client.sendall(HANDSHAKE)
        head = read_head(client).split(b"\r\n")
        assert head[0] == b"HTTP/1.1 101 Switching Protocols"
        assert {b"Sec-WebSocket-Accept: x", b"Connection: Upgrade", b"Upgrade: websocket"} <= set(head)
        for word in (b"hello", b"world"):
            client.sendall(word)
            assert word.upper() == client.recv(100)
        client.sendall(b"bye")
        assert read_all(client) == b"BYE"
    assert handler.ended == ["/chat"]
    assert handler.counts == (13, 13)
    assert handler.tunnels[0].closed


def test_bytes_that_came_with_the_handshake_go_through_the_tunnel():
    with serving(Upgrading()) as served, served.connect() as client:
        client.sendall(HANDSHAKE + b"early")
        read_head(client)
        assert client.recv(100) == b"EARLY"


def test_the_endpoint_is_closed_when_the_client_goes():
    handler = Upgrading()
    with serving(handler) as served:
        with served.connect() as client:
            client.sendall(HANDSHAKE)
            read_head(client)
        while not served.call(lambda: handler.tunnels[0].closed):
            pass


def test_a_tunnel_that_breaks_cuts_the_client():
    class Broken(EchoTunnel):
        async def read(self):
            raise BodyError("the backend reset the connection")

    async def handler(stream):
        response = Response(101)
        response.tunnel = Broken()
        await stream.respond(response)

    with serving(handler) as served, served.connect() as client:
        client.sendall(HANDSHAKE)
        assert read_all(client).startswith(b"HTTP/1.1 101 ")


def test_a_tunnel_that_carries_nothing_for_long_is_cut():
    async def run():
        handler = Upgrading()
        async with in_memory(None, handler) as session:
            await session.feed(HANDSHAKE)
            await session.pass_time(599)
            await session.feed(b"ping")
            await session.pass_time(599)
            assert not session.transport.closed
            await session.pass_time(2)
            assert session.transport.closed
            assert handler.tunnels[0].closed

    asyncio.run(run())


def test_a_client_is_not_read_from_while_the_endpoint_takes_nothing():
    class Stuck(EchoTunnel):
        async def write(self, data):
            await asyncio.sleep(1000)

    async def handler(stream):
        response = Response(101)
        response.tunnel = Stuck()
        await stream.respond(response)

    async def run():
        async with in_memory(None, handler) as session:
            await session.feed(HANDSHAKE)
            await session.feed(b"x")
            assert session.transport.reading
            await session.feed(b"x" * 70_000)
            assert not session.transport.reading

    asyncio.run(run())


@pytest.mark.parametrize("status", [200, 401, 426])
def test_after_a_refused_upgrade_nothing_more_is_read(status):
    async def handler(stream):
        await stream.respond(Response(status))

    with serving(handler) as served, served.connect() as client:
        client.sendall(HANDSHAKE + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = read_all(client)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"HTTP/1.1") == 1
        assert b"\r\nConnection: close\r\n" in answer
