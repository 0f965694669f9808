"""Threat class 24: clients that pipeline without end, whether they read the answers or not, and who answers them."""

import asyncio
import contextlib
import threading

import pytest
from apim_sdk import Response
from support.wire import read_answer, serving

from apim_core.http.settings import ServerSettings, TimeoutSettings

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FLOOD = GET * 20_000
MOST = 1024 * 1024
"""Bytes that one connection may hold: its buffer and what one turn of the loop reads."""


def refusing(stream):
    """Answer within the call, as a gateway does that sees no credential."""
    assert stream.respond_at_once(Response(401, None, b"who are you" * 10))


async def waiting(stream):
    await asyncio.sleep(0)
    await stream.respond(Response(200, None, b"here you are" * 10))


@pytest.mark.parametrize("reads", [True, False], ids=["reads", "reads nothing"])
@pytest.mark.parametrize("handler", [refusing, waiting])
def test_a_flood_of_pipelined_requests_is_held_back_at_the_client(handler, reads):
    with serving(handler) as served, served.connect() as client:
        reader = threading.Thread(target=drain, args=(client,))
        if reads:
            reader.start()
        most = 0
        client.settimeout(0.5)
        for _ in range(15):
            with contextlib.suppress(TimeoutError):
                client.sendall(FLOOD)
            most = max(most, served.call(lambda: held(served)))
            with served.connect() as other:
                other.sendall(GET)
                assert read_answer(other)[0] in (200, 401)
            if not reads and served.call(lambda: is_full(served)):
                break
        assert most < MOST
        if reads:
            client.close()
            served.call(served.server.stop)
            reader.join(10)


@pytest.mark.parametrize("handler", [refusing, waiting])
def test_a_flood_whose_answers_nobody_reads_is_cut_off(handler):
    settings = ServerSettings(timeouts=TimeoutSettings(write=0.5), name="test")
    with serving(handler, settings) as served, served.connect() as client, pytest.raises(ConnectionError):
        send_without_end(client)


def send_without_end(client):
    """As much as it takes, within bounds."""
    for _ in range(1000):
        client.sendall(FLOOD)


def drain(client):
    """Read all answers, until the connection ends."""
    with contextlib.suppress(OSError):
        while client.recv(65536):
            pass


def held(served):
    """Bytes that the server holds for its clients, both ways."""
    return sum(
        len(each._buffer) + each._transport.get_write_buffer_size() for each in tuple(served.server._connections)
    )


def is_full(served):
    """Whether some client takes no more answers."""
    return any(each.full for each in tuple(served.server._connections))
