"""Threat class 23: slow heads, slow bodies, slow reading of the answer, idle floods."""

import contextlib
import itertools
import socket
import threading
import time

import pytest
from apim_sdk import Response
from apim_sdk.body import Body
from support.wire import is_cut, read_answer, serving

from apim_core.http.settings import LimitSettings, ServerSettings, TimeoutSettings

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SHORT = ServerSettings(
    timeouts=TimeoutSettings(head=0.3, body=0.3, body_rate=1000, idle=0.3, write=0.3, linger=0.3), name="test"
)
ATTACKS = {
    "nothing at all": b"",
    "an endless head": itertools.chain([b"GET / HTTP/1.1\r\n"], itertools.repeat(b"X: y\r\n")),
    "a head byte by byte": itertools.chain([b"G", b"E", b"T"], itertools.repeat(b"")),
    "a trickling body": itertools.chain(
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"], itertools.repeat(b"x")
    ),
    "a trickling chunked body": itertools.chain(
        [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"1\r\nx\r\n")
    ),
    "idle after a request": itertools.chain([GET], itertools.repeat(b"")),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_slow_client_is_cut_off_and_nobody_else_notices(attack):
    with serving(settings=SHORT) as served:
        slow = [served.connect() for _ in range(20)]
        started = time.monotonic()
        cut = threading.Event()
        thread = threading.Thread(target=_trickle, args=(slow[0], iter(attack), cut))
        thread.start()
        longest = 0.0
        while not cut.is_set():
            before = time.monotonic()
            with served.connect() as client:
                client.sendall(GET)
                assert 200 == read_answer(client)[0]
            longest = max(longest, time.monotonic() - before)
            assert time.monotonic() - started < 10
        thread.join()
        for client in slow:
            client.close()
        assert longest < 2


def _trickle(client, pieces, cut):
    """Send piece by piece until the server has had enough."""
    client.settimeout(0.02)
    try:
        for piece in pieces:
            client.sendall(piece)
            try:
                if client.recv(65536) == b"":
                    break
            except TimeoutError:
                continue
        else:
            client.settimeout(10)
            client.recv(65536)
    except ConnectionError:
        pass
    cut.set()


def test_a_client_that_does_not_read_is_cut_off_and_holds_little():
    produced = []
    ended = threading.Event()

    async def endless():
        while True:
            produced.append(1)
            yield b"x" * 65536

    async def handler(stream):
        if stream.request.path == "/":
            await stream.respond(Response(200, None, b"ok"))
            return
        try:
            await stream.respond(Response(200, None, Body.stream(endless())))
        finally:
            ended.set()

    with serving(handler, SHORT) as served, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(GET.replace(b"/ ", b"/endless ", 1))
        assert ended.wait(10)
        assert len(produced) < 200
        assert 1 == served.server.counters["write_timeouts"]
        with served.connect() as other:
            other.sendall(GET)
            assert 200 == read_answer(other)[0]


def test_an_idle_flood_is_bounded():
    bounded = ServerSettings(limits=LimitSettings(connections=50), name="test")
    with serving(settings=bounded) as served:
        flood = [served.connect() for _ in range(100)]
        assert all(client.recv(100).startswith(b"HTTP/1.1 503 ") for client in flood[50:])
        for _ in range(30):
            with contextlib.suppress(ConnectionResetError), served.connect() as client:
                assert is_cut(client)
        assert served.call(lambda: served.server.active) <= 100
        for client in flood:
            client.close()
