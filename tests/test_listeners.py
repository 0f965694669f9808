"""Listeners: what an operator writes about one is what holds on its socket; TLS is in ``test_listeners_tls``."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from support.gateway import configuration
from support.listening import GET, PROXIED, Listening, served, status, text

from apim_core.listeners import open_sockets, server_settings, via_name

# Addresses


def test_every_listener_serves(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> list[int]:
        return [status(await gateway.send(GET, at=number)) for number in range(len(gateway.ports))]

    assert [200, 200] == served(text("['127.0.0.1:0', '127.0.0.1:0']"), tmp_path, scenario)


def test_an_address_that_is_taken_is_named_and_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot listen on {address}: Address already in use"):
            open_sockets(configuration(text(f"['127.0.0.1:0', '{address}']"), tmp_path))


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        open_sockets(configuration(text("192.0.2.1:0"), tmp_path))


def test_several_workers_may_have_one_address(tmp_path: Path) -> None:
    (first,) = open_sockets(configuration(text("127.0.0.1:0"), tmp_path), for_worker=True)
    with first:
        address = f"127.0.0.1:{first.getsockname()[1]}"
        (second,) = open_sockets(configuration(text(address), tmp_path), for_worker=True)
        second.close()


def test_the_socket_of_a_worker_takes_no_connection_before_the_worker_listens(tmp_path: Path) -> None:
    (opened,) = open_sockets(configuration(text("127.0.0.1:0"), tmp_path), for_worker=True)
    with opened, pytest.raises(ConnectionRefusedError):
        socket.create_connection(opened.getsockname())


# Proxies

BEHIND_PROXIES = text("{address: '127.0.0.1:0', proxy_protocol: true}", "trusted_proxies: [127.0.0.0/8]\n")


def test_a_trusted_proxy_says_who_its_client_is(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> Any:
        return await gateway.seen(PROXIED)

    seen = served(BEHIND_PROXIES, tmp_path, scenario)
    assert "192.0.2.7" == seen["address"]


def test_a_trusted_proxy_must_say_so(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> bytes:
        return await gateway.send(GET)

    assert b"" == served(BEHIND_PROXIES, tmp_path, scenario)


@pytest.mark.parametrize(
    "written",
    [
        text("{address: '127.0.0.1:0', proxy_protocol: true}", "trusted_proxies: [10.0.0.0/8]\n"),
        text("127.0.0.1:0", "trusted_proxies: [127.0.0.0/8]\n"),
    ],
    ids=["another network is trusted", "the listener has no PROXY protocol"],
)
def test_nobody_else_can_say_who_the_client_is(tmp_path: Path, written: str) -> None:
    async def scenario(gateway: Listening) -> bytes:
        return await gateway.send(PROXIED)

    assert 400 == status(served(written, tmp_path, scenario))


@pytest.mark.parametrize(
    ("header", "field", "expected"),
    [
        ("X-Forwarded-For", b"X-Forwarded-For: 192.0.2.9", "192.0.2.9"),
        ("X-Forwarded-For", b"Forwarded: for=192.0.2.9", "127.0.0.1"),
        ("Forwarded", b"Forwarded: for=192.0.2.9", "192.0.2.9"),
        ("Forwarded", b"X-Forwarded-For: 192.0.2.9", "127.0.0.1"),
    ],
)
def test_the_header_that_proxies_write_is_the_configured_one(
    tmp_path: Path, header: str, field: bytes, expected: str
) -> None:
    written = text("127.0.0.1:0", f"trusted_proxies: [127.0.0.0/8]\nforwarding_header: {header}\n")

    async def scenario(gateway: Listening) -> Any:
        return await gateway.seen(GET.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n"))

    assert expected == served(written, tmp_path, scenario)["address"]


def test_a_guarded_header_of_a_client_is_dropped(tmp_path: Path) -> None:
    written = text("127.0.0.1:0", "guarded_headers: [X-User]\n")

    async def scenario(gateway: Listening) -> Any:
        return await gateway.seen(GET.replace(b"\r\n\r\n", b"\r\nX-User: root\r\nX-Kept: 1\r\n\r\n"))

    assert ["Host", "X-Kept"] == served(written, tmp_path, scenario)["headers"]


# Limits and time-outs


LONG = b"GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

OVER = {
    "head: 200": (LONG + b"X-A: " + b"a" * 200 + b"\r\n\r\n", 431),
    "header: 100": (LONG + b"X-A: " + b"a" * 100 + b"\r\n\r\n", 431),
    "headers: 3": (LONG + b"X-A: a\r\nX-B: b\r\n\r\n", 431),
    "request_line: 30": (LONG.replace(b"/api/x", b"/api/x?" + b"a" * 30) + b"\r\n", 414),
    "body: 10": (LONG.replace(b"GET", b"POST") + b"Content-Length: 11\r\n\r\n" + b"a" * 11, 413),
    "hops: 2": (LONG + b"Via: 1.1 a, 1.1 b, 1.1 c\r\n\r\n", 508),
}


@pytest.mark.parametrize("limit", OVER)
@pytest.mark.parametrize("place", ["gateway", "listener"])
def test_a_limit_holds_on_the_wire(tmp_path: Path, limit: str, place: str) -> None:
    data, refused = OVER[limit]

    async def scenario(gateway: Listening) -> int:
        return status(await gateway.send(data))

    free = text("{address: '127.0.0.1:0'}")
    limited = (
        free + f"limits: {{{limit}}}\n" if place == "gateway" else free.replace("0'", f"0', limits: {{{limit}}}", 1)
    )
    assert [200, refused] == [served(written, tmp_path, scenario) for written in (free, limited)]


def test_limits_of_a_listener_are_no_business_of_another(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> list[int]:
        data, _ = OVER["head: 200"]
        return [status(await gateway.send(data, at=number)) for number in (0, 1)]

    written = text("['127.0.0.1:0', {address: '127.0.0.1:0', limits: {head: 200}}]")
    assert [200, 431] == served(written, tmp_path, scenario)


def test_the_time_for_a_head_holds_on_the_wire(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> int:
        return status(await gateway.send(b"GET /api/x HTTP/1.1\r\nHos"))

    written = text("{address: '127.0.0.1:0', timeouts: {head: 100ms}}")
    assert 408 == served(written, tmp_path, scenario)


def test_an_idle_connection_is_closed_after_its_time(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> bytes:
        return await gateway.send(GET.replace(b"Connection: close\r\n", b""))

    answer = served(text("{address: '127.0.0.1:0', timeouts: {idle: 100ms}}"), tmp_path, scenario)
    assert 200 == status(answer)
    assert b"connection: close" not in answer.lower()


def test_more_requests_at_a_time_than_the_gateway_takes_are_refused(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> list[int]:
        _, busy = await asyncio.open_connection("127.0.0.1", gateway.ports[0])
        busy.write(LONG.replace(b"GET", b"POST") + b"Content-Length: 5\r\n\r\n")
        snapshot = gateway.gateway.snapshot
        assert snapshot is not None
        async with asyncio.timeout(10):
            while not snapshot.active:
                await asyncio.sleep(0.001)
        refused = status(await gateway.send(GET))
        busy.close()
        async with asyncio.timeout(10):
            while snapshot.active:
                await asyncio.sleep(0.001)
        return [refused, status(await gateway.send(GET))]

    assert [503, 200] == served(text("127.0.0.1:0", "limits: {requests: 1}\n"), tmp_path, scenario)


# The name in Via


def test_the_gateway_is_named_in_via_as_configured(tmp_path: Path) -> None:
    loaded = configuration(text("127.0.0.1:0", "via: edge\n"), tmp_path)
    assert ("edge", "edge") == (via_name(loaded), server_settings(loaded, loaded.listen[0]).name)


def test_without_a_name_it_has_one_that_does_not_tell_the_hosts(tmp_path: Path) -> None:
    name = via_name(configuration(text("127.0.0.1:0"), tmp_path))
    assert name == via_name(configuration(text("127.0.0.1:0"), tmp_path))
    assert name.startswith("apim-")
    assert socket.gethostname() not in name


def test_a_request_that_has_passed_this_gateway_is_refused(tmp_path: Path) -> None:
    async def scenario(gateway: Listening) -> list[int]:
        return [
            status(await gateway.send(GET.replace(b"\r\n\r\n", b"\r\nVia: 1.1 " + name + b"\r\n\r\n")))
            for name in (b"edge", b"other")
        ]

    assert [508, 200] == served(text("127.0.0.1:0", "via: edge\n"), tmp_path, scenario)
