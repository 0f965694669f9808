"""Threat class 22, missing authentication, CSRF: every route declares its permission, no page can ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore
from support.gateway import run
from support.managing import TOKEN, managing

from apim_core.management import ROUTES, Permission


@pytest.fixture(autouse=True)
def store() -> FakeStore:
    return HeldStore.new()


def test_every_route_declares_its_permission() -> None:
    assert [] == [route for route in ROUTES if not isinstance(route.permission, Permission)]


def test_every_route_that_changes_something_needs_the_token() -> None:
    assert [] == [
        (route.method, route.path)
        for route in ROUTES
        if route.method != "GET" and route.permission is not Permission.MANAGES_ACCESS
    ]


def test_no_route_is_there_twice() -> None:
    routes = [(route.method, route.path) for route in ROUTES]
    assert len(routes) == len(set(routes))


def test_what_the_port_has_are_these_routes_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        async with managing(tmp_path) as managed:
            for path in {route.path for route in ROUTES}:
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
                    answer = await managed.ask(
                        method, path.format(id="1", key="2", path="x"), headers={"Authorization": "Bearer x"}
                    )
                    if answer.status not in (404, 405):
                        found.setdefault(path, set()).add(method)
        return found

    declared: dict[str, set[str]] = {}
    for route in ROUTES:
        declared.setdefault(route.path, set()).add(route.method)
    assert declared == run(scenario)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9"])
def test_a_page_of_another_origin_is_allowed_nothing(tmp_path: Path, origin: str) -> None:
    async def scenario() -> tuple[int, list[str]]:
        async with managing(tmp_path) as managed:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = await managed.ask("OPTIONS", "/applications", headers={**asked, "Authorization": ""})
            answer = await managed.ask("GET", "/applications", headers={"Origin": origin})
            headers = [*preflight.headers, *answer.headers]
            return preflight.status, [name for name in headers if name.startswith("Access-Control")]

    assert (405, []) == run(scenario)


def test_a_name_that_was_made_to_point_here_is_refused_even_with_the_token(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with managing(tmp_path) as managed:
            return (await managed.ask("GET", "/applications", headers={"Host": "evil.example"})).status

    assert 403 == run(scenario)


def test_the_port_keeps_no_session(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], int]:
        async with managing(tmp_path) as managed:
            answer = await managed.ask("GET", "/applications")
            cookies = [name for name in answer.headers if name.lower() == "set-cookie"]
            headers = {"Authorization": "", "Cookie": f"token={TOKEN}"}
            return cookies, (await managed.ask("GET", "/applications", headers=headers)).status

    assert ([], 401) == run(scenario)
