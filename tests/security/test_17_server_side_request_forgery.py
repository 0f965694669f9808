"""Threat class 17: callouts to what the gateway can reach and its clients cannot; names that change their address."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from apim_sdk import Context, Exchange, Policy, Reject, state
from apim_sdk.testing import Answer
from apim_sdk.testing.backend import FakeBackend
from support.gateway import api, run, serving

from apim_core.egress import Egress, EgressRefused

LOOPBACK = ip_network("127.0.0.0/8")


class Names(AbstractResolver):
    """Answers each question with the next of some addresses, and repeats the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(host)
        kind = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=kind[":" in each], proto=0, flags=socket.AI_NUMERICHOST
            )
            for each in answer
        ]

    async def close(self) -> None:
        pass


def refused(url: str, *allow: IPv4Network | IPv6Network, resolver: Names | None = None) -> str:
    """What the guard says to a callout that it refuses."""

    async def scenario() -> str:
        egress = Egress(allow, resolver=resolver)
        try:
            with pytest.raises(EgressRefused) as caught:
                await egress.fetch(url)
        finally:
            await egress.close()
        return str(caught.value)

    text: str = run(scenario())
    return text


PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "::ffff:0:127.0.0.1",
    "::ffff:0:169.254.169.254",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2001::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert "is refused: the address is not public" in refused(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_for_an_address_that_is_not_public_is_refused(address: str) -> None:
    text = refused("http://public.example/", resolver=Names([address]))
    assert f"a callout to public.example ({address}) is refused" in text


def test_a_name_is_refused_if_any_of_its_addresses_is_not_public() -> None:
    assert "(127.0.0.1)" in refused("http://public.example/", resolver=Names(["93.184.216.34", "127.0.0.1"]))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "a@127.0.0.1"])
def test_no_other_way_to_write_a_loopback_address_gets_through(host: str) -> None:
    async def scenario() -> int:
        async with FakeBackend() as backend:
            egress = Egress()
            with pytest.raises(OSError, match="is refused"):
                await egress.fetch(f"http://{host}:{backend.port}/")
            await egress.close()
            return backend.connections

    assert 0 == run(scenario())


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_INFO", "unix:///run/x", "//a/", "a", ""],
)
def test_only_http_is_spoken(url: str) -> None:
    assert f"a callout to {url!r} is refused: only http and https URLs may be called" == refused(url)


def test_the_refusal_says_how_to_allow_the_network() -> None:
    assert "allow its network under `egress: {allow: [...]}`" in refused("http://127.0.0.1/")


def test_a_network_that_the_operator_allows_is_called() -> None:
    async def scenario() -> int:
        async with FakeBackend() as backend:
            egress = Egress([LOOPBACK])
            try:
                return (await egress.fetch(backend.url)).status
            finally:
                await egress.close()

    assert 200 == run(scenario())


def test_an_allowed_network_does_not_allow_others() -> None:
    assert "is refused" in refused("http://10.0.0.1/", LOOPBACK)


def test_an_allowed_ipv6_network_is_meant_as_it_is_written() -> None:
    async def scenario() -> None:
        egress = Egress([ip_network("::1/128")])
        with socket.create_server(("127.0.0.1", 0)) as unused:
            url = f"http://[::1]:{unused.getsockname()[1]}/"
        with pytest.raises(ConnectionError, match="the callout to ::1 failed"):
            await egress.fetch(url)
        await egress.close()

    run(scenario())


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def scenario() -> None:
        async with FakeBackend() as inner, FakeBackend(Answer(302, {"Location": inner.url})) as outer:
            egress = Egress([LOOPBACK])
            answer = await egress.fetch(outer.url)
            await egress.close()
            assert (302, inner.url) == (answer.status, answer.headers["location"])
            assert [] == inner.requests

    run(scenario())


def test_a_name_that_turns_to_a_private_address_is_refused_when_it_is_asked_again() -> None:
    async def scenario() -> None:
        async with FakeBackend(Answer(200, {"Connection": "close"})) as backend:
            names = Names(["127.0.0.1"], ["10.0.0.1"])
            egress = Egress([LOOPBACK], resolver=names)
            url = f"http://rebinding.example:{backend.port}/"
            assert 200 == (await egress.fetch(url, headers={"Connection": "close"})).status
            with pytest.raises(EgressRefused):
                await egress.fetch(url, headers={"Connection": "close"})
            assert 2 == len(names.asked)
            await egress.close()

    run(scenario())


def test_the_connection_goes_to_the_very_address_that_was_judged() -> None:
    async def scenario() -> None:
        async with FakeBackend() as backend:
            names = Names(["127.0.0.1"], ["10.0.0.1"])
            egress = Egress([LOOPBACK], resolver=names)
            await egress.fetch(f"http://judged.example:{backend.port}/")
            await egress.close()
            assert ["judged.example"] == names.asked
            assert f"judged.example:{backend.port}" == backend.requests[0].headers["Host"]

    run(scenario())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with FakeBackend() as proxy, FakeBackend() as backend:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            egress = Egress([LOOPBACK])
            await egress.fetch(backend.url)
            await egress.close()
            assert (1, 0) == (len(backend.requests), len(proxy.requests))

    run(scenario())


@attrs.frozen
class Calling(Policy):
    """Calls out for every request."""

    url: str
    """What it calls."""
    _context: Context = state()

    async def start(self, context: Context) -> None:
        self.hold(_context=context)

    async def on_request(self, exchange: Exchange) -> None:
        try:
            await self._context.fetch(self.url)
        except PermissionError as error:
            raise Reject(502, str(error)) from error


@pytest.mark.parametrize(("rest", "status", "calls"), [("", 502, 0), ("egress: {allow: [127.0.0.0/8]}", 200, 1)])
def test_a_plugin_calls_where_the_configuration_allows_it(tmp_path: Path, rest: str, status: int, calls: int) -> None:
    async def scenario() -> tuple[int, int]:
        async with FakeBackend() as backend:
            text = api(flows=f"{{request: [{{calling: {{url: '{backend.url}'}}}}]}}", rest=rest)
            async with serving(text, tmp_path, calling=Calling) as served:
                return (await served.get("/api/items/1")).status, backend.connections

    assert (status, calls) == run(scenario())
