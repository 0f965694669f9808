"""One timer ends every call that takes too long, and no other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_sdk.testing.virtual_time import run_in_virtual_time
from apim_traffic.deadlines import Deadlines, Late
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=20))
def test_each_call_has_its_time_whenever_others_come(calls: list[tuple[int, int]]) -> None:
    async def scenario() -> None:
        deadlines = Deadlines(5.0)

        async def call(comes: int, takes: int) -> tuple[str, float]:
            await asyncio.sleep(comes)
            try:
                outcome = await deadlines.within(asyncio.sleep(takes, "whole"))
            except Late:
                outcome = "late"
            return outcome, asyncio.get_running_loop().time() - comes

        results = await asyncio.gather(*(call(*each) for each in calls))
        for (_, takes), result in zip(calls, results, strict=True):
            assert result in ([("whole", takes)] if takes < 5 else [("late", 5)] + [("whole", 5)] * (takes == 5))
        assert 0 == len(deadlines)

    run_in_virtual_time(scenario())


def test_a_task_can_go_on_after_work_that_was_late() -> None:
    async def scenario() -> None:
        deadlines = Deadlines(5.0)
        for _ in range(3):
            with pytest.raises(Late):
                await deadlines.within(asyncio.sleep(60))
        assert "whole" == await deadlines.within(asyncio.sleep(1, "whole"))
        task = asyncio.current_task()
        assert task is not None
        assert 0 == task.cancelling()

    run_in_virtual_time(scenario())


def test_times_nest() -> None:
    async def scenario() -> float:
        inner, outer = Deadlines(2.0), Deadlines(5.0)

        async def tries() -> None:
            while True:
                with pytest.raises(Late):
                    await inner.within(asyncio.sleep(60))

        with pytest.raises(Late):
            await outer.within(tries())
        return asyncio.get_running_loop().time()

    assert 5 == run_in_virtual_time(scenario())


@pytest.mark.parametrize("cancelled_at", [3, 5])
def test_who_is_cancelled_by_somebody_else_is_cancelled(cancelled_at: int) -> None:
    async def scenario() -> None:
        deadlines = Deadlines(5.0)
        loop = asyncio.get_running_loop()

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)

        task = asyncio.ensure_future(deadlines.within(work()))
        loop.call_at(cancelled_at, task.cancel)
        await asyncio.wait([task])
        assert task.cancelled()
        assert 0 == len(deadlines)

    run_in_virtual_time(scenario())


def test_work_that_ends_another_way_at_the_last_moment_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        deadlines = Deadlines(5.0)

        async def stubborn() -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "an answer all the same"
            raise AssertionError

        work: Any = stubborn()
        assert "an answer all the same" == await deadlines.within(work)
        task = asyncio.current_task()
        assert task is not None
        assert 0 == task.cancelling()
        await asyncio.sleep(1)

    run_in_virtual_time(scenario())
