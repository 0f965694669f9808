"""What plugins let be done to them, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from apim_core.actions import Actions, Outcome, add_up


def handler(answer: bool | Exception | None) -> Callable[[Mapping[str, Any]], Awaitable[bool | None]]:
    async def handle(arguments: Mapping[str, Any]) -> bool | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((), Outcome()),
        ((None, True), Outcome(2)),
        ((None, False), Outcome(1)),
        ((None, ValueError("no such tag"), ValueError("no such tag")), Outcome(1, refused=("no such tag",))),
        ((ConnectionError("away"), None), Outcome(1, failed=("away",))),
    ],
)
def test_those_who_did_it_are_counted_and_the_others_say_why_not(
    answers: tuple[bool | Exception | None, ...], outcome: Outcome
) -> None:
    actions = Actions()
    for answer in answers:
        actions.offer("purge", handler(answer))
    assert outcome == asyncio.run(actions.act("purge", {}))
    assert Outcome() == asyncio.run(actions.act("other", {}))


def test_outcomes_of_several_processes_are_one() -> None:
    assert Outcome(3, ("a",), ("b",)) == add_up([Outcome(1, ("a",)), Outcome(2, ("a",), ("b",))])
