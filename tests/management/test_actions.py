"""Actions through the management port."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore
from support.gateway import run
from support.managing import managing

from apim_core.actions import Outcome


@pytest.fixture(autouse=True)
def store() -> FakeStore:
    return HeldStore.new()


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        (Outcome(3), 200, '{"action": "purge", "done": 3}'),
        (Outcome(), 404, "offers the action 'purge'"),
        (Outcome(1, ("no tag",)), 400, "no tag"),
        (Outcome(1, (), ("worker 2: gone",)), 503, "worker 2: gone"),
    ],
)
def test_what_came_of_an_action_is_told(tmp_path: Path, outcome: Outcome, status: int, said: str) -> None:
    async def act(name: str, arguments: Mapping[str, Any]) -> Outcome:
        assert ("purge", {"tag": "a"}) == (name, arguments)
        return outcome

    async def scenario() -> tuple[int, str]:
        async with managing(tmp_path, act=act) as managed:
            answer = await managed.post("/actions/purge", tag="a")
            return answer.status, answer.body.decode()

    found, body = run(scenario)

    assert status == found
    assert said in body


def test_nothing_is_done_without_the_token(tmp_path: Path) -> None:
    async def act(name: str, arguments: Mapping[str, Any]) -> Outcome:
        raise AssertionError("it was done")

    async def scenario() -> int:
        async with managing(tmp_path, act=act) as managed:
            return (await managed.ask("POST", "/actions/purge", {"tag": "a"}, headers={"Authorization": ""})).status

    assert 401 == run(scenario)
