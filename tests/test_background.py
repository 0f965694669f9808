"""Work in a thread beside the event loop."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from support.gateway import run

from apim_core.background import in_background


def test_the_work_runs_in_a_thread_of_its_own_in_short_turns() -> None:
    before = sys.getswitchinterval()

    def work(number: int, *, add: int) -> tuple[int, bool, bool]:
        return number + add, threading.current_thread() is threading.main_thread(), sys.getswitchinterval() < before

    assert (3, False, True) == run(in_background(work, 1, add=2))
    assert before == sys.getswitchinterval()


def test_what_the_work_raises_comes_through_and_turns_are_as_before() -> None:
    before = sys.getswitchinterval()

    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(in_background(work))
    assert before == sys.getswitchinterval()


def test_the_loop_goes_on_while_the_work_computes() -> None:
    async def scenario() -> int:
        stop = threading.Event()

        def work() -> int:
            number = 0
            while not stop.is_set():
                number += 1
            return number

        pending = asyncio.ensure_future(in_background(work))
        for _ in range(50):
            await asyncio.sleep(0)
        stop.set()
        return await pending

    assert run(scenario()) > 0
