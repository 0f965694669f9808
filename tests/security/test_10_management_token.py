"""Threat class 10, admin secrets: none by default, a weak one is refused, only the right one lets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore
from support.gateway import run
from support.managing import TOKEN, Managed, managing

from apim_core.cli import main
from apim_core.config import ConfigErrors, load
from apim_core.config.server import Address
from apim_core.management import ROUTES, Permission
from apim_core.management.server import is_loopback

GUARDED = [route for route in ROUTES if route.permission is Permission.MANAGES_ACCESS]
WEAK = {
    "empty": "",
    "short": "0123456789abcdef0123456789abcde",
    "one letter": "a" * 40,
    "few letters": "abc" * 20,
    "with a space": "0123456789abcdef 0123456789abcdef",
    "not of ASCII": "0123456789abcdef0123456789abcdefé",
}


@pytest.fixture(autouse=True)
def store() -> FakeStore:
    return HeldStore.new()


def test_there_is_no_token_and_no_open_port_by_default(tmp_path: Path) -> None:
    (tmp_path / "apim.yaml").write_text("apis: []\n")
    management = load(tmp_path / "apim.yaml", environment={}).management
    assert (None, Address("127.0.0.1", 8081), True) == (
        management.token,
        management.listen,
        is_loopback(management.listen),
    )


@pytest.mark.parametrize("token", WEAK.values(), ids=WEAK)
def test_a_weak_token_is_refused_and_not_shown(tmp_path: Path, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(f'management: {{token: "{token}"}}\n')
    assert 1 == main(["check", str(file)])
    said = capsys.readouterr().err
    assert "apim.yaml:1:21: it can" in said
    assert not token or token not in said
    with pytest.raises(ConfigErrors):
        load(file, environment={})


def test_a_token_of_the_environment_that_is_weak_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text('management: {token: "${env:TOKEN}"}\n')
    with pytest.raises(ConfigErrors) as caught:
        load(file, environment={"TOKEN": "MARKED-token"})
    assert "MARKED" not in str(caught.value)


def test_a_token_appears_in_no_text(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(f"management: {{token: {TOKEN}}}\n")
    assert TOKEN not in repr(load(file, environment={}))


WRONG: dict[str, dict[str, str]] = {
    "none": {"Authorization": ""},
    "another": {"Authorization": f"Bearer {TOKEN[:-1]}1"},
    "a part": {"Authorization": f"Bearer {TOKEN[:-1]}"},
    "more": {"Authorization": f"Bearer {TOKEN}0"},
    "another case": {"Authorization": f"Bearer {TOKEN.upper()}"},
    "another scheme": {"Authorization": f"Basic {TOKEN}"},
    "bare": {"Authorization": TOKEN},
    "another header": {"Authorization": "", "X-Token": TOKEN},
}


def everywhere(folder: Path, headers: dict[str, str], token: str | None = TOKEN) -> set[tuple[int, str | None]]:
    """How every guarded route answers: status and challenge."""

    async def ask(managed: Managed) -> set[tuple[int, str | None]]:
        answers = [
            await managed.ask(route.method, route.path.format(id="1", key="2", path="x"), {}, headers=headers)
            for route in GUARDED
        ]
        return {(answer.status, answer.headers.get("WWW-Authenticate")) for answer in answers}

    async def scenario() -> Any:
        async with managing(folder, token=token) as managed:
            return await ask(managed)

    answers: set[tuple[int, str | None]] = run(scenario)
    return answers


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_without_the_right_token_every_route_is_closed(tmp_path: Path, headers: dict[str, str]) -> None:
    assert {(401, 'Bearer realm="apim management"')} == everywhere(tmp_path, headers)


def test_the_token_in_the_query_opens_nothing(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with managing(tmp_path) as managed:
            path = f"/applications?access_token={TOKEN}&token={TOKEN}"
            return (await managed.ask("GET", path, headers={"Authorization": ""})).status

    assert 401 == run(scenario)


def test_of_two_tokens_none_counts(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with managing(tmp_path) as managed:
            headers = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {TOKEN}")]
            async with managed.session.get(f"{managed.url}/applications", headers=headers) as response:
                return response.status

    assert 401 == run(scenario)


def test_without_a_token_there_are_no_such_routes(tmp_path: Path) -> None:
    assert {(404, None)} == everywhere(tmp_path, {"Authorization": "Bearer "}, token=None)


def test_a_wrong_token_is_looked_at_before_the_body(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with managing(tmp_path) as managed:
            headers = {"Authorization": "Bearer x"}
            return (await managed.ask("POST", "/applications", headers=headers, data=b"x" * 100_000)).status

    assert 401 == run(scenario)


def test_a_wrong_token_is_logged_without_it(tmp_path: Path) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with managing(tmp_path) as managed:
            await managed.ask("GET", "/applications", headers={"Authorization": "Bearer MARKED-token"})
            return managed.log

    (line,) = run(scenario)
    assert ("the management token is missing or wrong", "127.0.0.1") == (line["event"], line["by"])
    assert "MARKED" not in str(line)
