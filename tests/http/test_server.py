import asyncio
import socket
import threading

import pytest
from apim_sdk import Response
from support.wire import new_event_loop, read_all, read_answer, refusal, serving

from apim_core.http.server import Server
from apim_core.http.settings import LimitSettings, ServerSettings, TimeoutSettings

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Gate:
    """A handler that answers once it is told to."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.released = asyncio.Event()

    async def __call__(self, stream):
        self.entered.release()
        await self.released.wait()
        await stream.respond(Response(200, None, b"done"))


def limited(**limits):
    return ServerSettings(limits=LimitSettings(**limits), name="test")


def test_connections_beyond_the_limit_are_answered_503():
    with serving(settings=limited(connections=2)) as served:
        kept = [served.connect() for _ in range(2)]
        for client in kept:
            client.sendall(GET)
            assert read_answer(client)[0] == 200
        with served.connect() as client:
            client.sendall(GET)
            assert read_all(client).startswith(b"HTTP/1.1 503 ")
        kept.pop().close()
        while served.call(lambda: served.server.active) > 1:
            pass
        with served.connect() as client:
            client.sendall(GET)
            assert read_answer(client)[0] == 200
        kept.pop().close()


def test_connections_of_one_client_beyond_its_limit_are_answered_503():
    with serving(settings=limited(connections_per_client=1)) as served, served.connect() as first:
        first.sendall(GET)
        assert read_answer(first)[0] == 200
        assert served.exchange(GET).startswith(b"HTTP/1.1 503 ")


def test_connections_are_counted_and_forgotten():
    with serving() as served:
        for _ in range(3):
            with served.connect() as client:
                client.sendall(GET)
                assert read_answer(client)[0] == 200
        while served.call(lambda: served.server.active):
            pass
        assert served.server.counters["connections"] == 3
        assert served.server._clients == {}


def test_a_drain_lets_requests_in_work_finish_and_closes_the_rest():
    gate = Gate()
    with serving(gate) as served, served.connect() as idle, served.connect() as busy:
        idle.sendall(GET)
        assert gate.entered.acquire(timeout=5)
        served.call(gate.released.set)
        assert read_answer(idle)[0] == 200
        served.call(gate.released.clear)
        busy.sendall(GET + GET)
        assert gate.entered.acquire(timeout=5)
        draining = threading.Thread(target=lambda: served.call(lambda: served.server.drain(10)))
        draining.start()
        assert read_all(idle) == b""
        with pytest.raises(OSError, match=r".*"):
            served.exchange(GET)
        served.call(gate.released.set)
        status, headers, body = read_answer(busy)
        assert (status, headers["connection"], body) == (200, "close", b"done")
        assert read_all(busy) == b""
        draining.join(5)
        assert not draining.is_alive()


def test_a_drain_ends_at_its_time_and_a_stop_cuts_what_is_left():
    gate = Gate()
    with serving(gate) as served, served.connect() as client:
        client.sendall(GET)
        assert gate.entered.acquire(timeout=5)
        served.call(lambda: served.server.drain(0.05))
        assert served.server.counters["cut_by_drain"] == 1
        served.call(served.server.stop)
        with pytest.raises(ConnectionResetError):
            read_all(client)


def test_start_and_stop_leave_nothing_behind():
    async def run():
        for _ in range(3):
            server = Server(None, ServerSettings(), refuse=refusal)
            listening = socket.create_server(("127.0.0.1", 0))
            await server.start([listening])
            await server.stop()
            assert listening.fileno() == -1
        return asyncio.all_tasks() - {asyncio.current_task()}

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert set() == runner.run(run())


def test_the_handler_can_be_swapped_while_requests_are_in_work():
    gate = Gate()

    async def replacement(stream):
        await stream.respond(Response(200, None, b"new"))

    with serving(gate) as served, served.connect() as old, served.connect() as new:
        old.sendall(GET)
        assert gate.entered.acquire(timeout=5)
        served.server.handler = replacement
        new.sendall(GET)
        assert read_answer(new)[2] == b"new"
        served.call(gate.released.set)
        assert read_answer(old)[2] == b"done"


def test_many_connections_at_once_get_their_own_answers():
    async def handler(stream):
        body = await stream.request.body.read()
        for _ in range(len(body) % 7):
            await asyncio.sleep(0)
        await stream.respond(Response(200, None, body))

    with serving(handler) as served:
        clients = [served.connect() for _ in range(100)]
        for turn in range(5):
            for number, client in enumerate(clients):
                body = b"%d-%d-" % (turn, number) + b"x" * (number * 17)
                client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            for number, client in enumerate(clients):
                assert b"%d-%d-" % (turn, number) + b"x" * (number * 17) == read_answer(client)[2]
        for client in clients:
            client.close()


def test_one_slow_client_does_not_hold_up_another():
    slow = TimeoutSettings(head=30)
    with serving(settings=ServerSettings(timeouts=slow, name="test")) as served:
        stuck = [served.connect() for _ in range(50)]
        for client in stuck:
            client.sendall(b"GET / HTTP/1.1\r\nHost")
        with served.connect() as client:
            client.sendall(GET)
            assert read_answer(client)[0] == 200
        for client in stuck:
            client.close()
