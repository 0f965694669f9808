"""The management port: what it answers, to whom, and that every route says who may use it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
import attrs
import pytest

from apim_core.config.server import Address
from apim_core.management import ROUTES, Management, Permission
from apim_core.management.server import is_loopback


@attrs.define
class Observed:
    """A gateway whose state a test sets."""

    ready: bool = True

    def status(self) -> Mapping[str, Any]:
        return {"generation": 3, "apis": 2, "operations": 9, "since": 1.5}

    async def metrics(self) -> bytes:
        return b"# TYPE a counter\na_total 1.0\n"


@attrs.frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


def ask(path: str, *, method: str = "GET", host: str | None = None, observed: Observed | None = None) -> Answer:
    """One request to a management port of its own."""

    async def run() -> Answer:
        management = Management(observed or Observed(), Address("127.0.0.1", 0))
        address = await management.start()
        headers = {} if host is None else {"Host": host}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"http://{address}{path}", headers=headers) as response,
            ):
                return Answer(response.status, response.headers.copy(), await response.text())
        finally:
            await management.stop()

    return asyncio.run(run())


def test_every_route_declares_who_may_use_it() -> None:
    assert [route.path for route in ROUTES if not isinstance(route.permission, Permission)] == []


def test_these_are_all_routes_that_anybody_may_use() -> None:
    free = [route for route in ROUTES if route.permission is Permission.REACHES_THE_PORT]
    assert [("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/snapshot")] == [
        (route.method, route.path) for route in free
    ]


@pytest.mark.parametrize("ready", [True, False])
def test_it_is_alive_whether_it_serves_or_not(ready: bool) -> None:
    assert ask("/healthz", observed=Observed(ready)).status == 200


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_it_is_ready_only_while_it_serves(ready: bool, status: int) -> None:
    assert ask("/readyz", observed=Observed(ready)).status == status


def test_metrics_are_prometheus_text() -> None:
    answer = ask("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "# TYPE a counter\na_total 1.0\n"


def test_the_snapshot_is_json() -> None:
    answer = ask("/snapshot")

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.text == '{"generation": 3, "apis": 2, "operations": 9, "since": 1.5}'


def test_head_is_answered_as_get() -> None:
    assert ask("/readyz", method="HEAD", observed=Observed(ready=False)).status == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_without_a_token_nothing_can_be_changed(method: str) -> None:
    free = [route.path for route in ROUTES if route.permission is Permission.REACHES_THE_PORT]
    assert {405} == {ask(path, method=method).status for path in free}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_without_a_token_there_are_no_routes_that_need_one(method: str) -> None:
    guarded = [route.path for route in ROUTES if route.permission is not Permission.REACHES_THE_PORT]
    assert {404} == {ask(path.format(id="1", key="2", path="x"), method=method).status for path in guarded}


def test_any_other_path_is_not_found() -> None:
    assert ask("/").status == 404


@pytest.mark.parametrize("path", ["/metrics", "/nothing"])
def test_answers_are_not_stored_and_do_not_tell_the_software(path: str) -> None:
    headers = ask(path).headers

    assert ("no-store", "nosniff", "apim") == tuple(
        headers[name] for name in ("Cache-Control", "X-Content-Type-Options", "Server")
    )


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8081"])
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    assert ask("/metrics", host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8081", "[::1]:8081", "10.0.0.7"])
def test_its_own_names_and_addresses_are_not_refused(host: str) -> None:
    assert ask("/metrics", host=host).status == 200


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])

        with pytest.raises(OSError, match=f"cannot listen on {address} \\(management\\)"):
            asyncio.run(Management(Observed(), address).start())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
    ],
)
def test_only_this_machine_reaches_loopback(host: str, expected: bool) -> None:
    assert expected == is_loopback(Address(host, 8081))
