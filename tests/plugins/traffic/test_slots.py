"""Slots: never more than there are, first come first served, and none is lost whoever leaves when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from apim_sdk.testing.virtual_time import run_in_virtual_time
from apim_traffic.slots import Permit, SlotTable
from hypothesis import given, settings
from hypothesis import strategies as st


def test_a_slot_that_is_given_back_twice_is_free_once() -> None:
    slots = SlotTable(1).of("key")
    first = slots.take()
    assert first is not None
    first.release()
    first.release()

    assert (0, True, None) == (slots.used, slots.take() is not None, slots.take())


def test_who_has_waited_longest_is_served_first() -> None:
    async def scenario() -> list[int]:
        slots = SlotTable(1).of("key")
        permit = slots.take()
        served: list[int] = []

        async def wait(number: int) -> None:
            mine = await slots.wait(60)
            served.append(number)
            mine.release()

        tasks = [asyncio.ensure_future(wait(number)) for number in range(5)]
        await asyncio.sleep(1)
        assert permit is not None
        permit.release()
        await asyncio.gather(*tasks)
        assert (0, 0) == (slots.used, len(slots.waiting))
        return served

    assert [0, 1, 2, 3, 4] == run_in_virtual_time(scenario())


def test_more_slots_are_handed_to_those_who_wait() -> None:
    async def scenario() -> None:
        table = SlotTable(1)
        slots = table.of("key")
        slots.take()
        waiting = [asyncio.ensure_future(slots.wait(60)) for _ in range(3)]
        await asyncio.sleep(1)
        table.bound(3)
        await asyncio.sleep(1)
        assert ([True, True, False], 3) == ([task.done() for task in waiting], slots.used)
        waiting[2].cancel()
        await asyncio.wait(waiting)

    run_in_virtual_time(scenario())


def test_with_fewer_slots_nobody_is_served_until_enough_are_back() -> None:
    async def scenario() -> None:
        table = SlotTable(3)
        slots = table.of("key")
        permits = [slots.take() for _ in range(3)]
        table.bound(1)
        waiting = asyncio.ensure_future(slots.wait(60))
        await asyncio.sleep(1)
        served = []
        for permit in permits:
            assert permit is not None
            permit.release()
            await asyncio.sleep(1)
            served.append(waiting.done())
        assert ([False, False, True], 1) == (served, slots.used)

    run_in_virtual_time(scenario())


def test_keys_that_nobody_uses_leave() -> None:
    table = SlotTable(1)
    held = [table.of(f"held {number}").take() for number in range(3)]
    for number in range(1000):
        permit = table.of(number).take()
        assert permit is not None
        permit.release()

    assert len(table) <= 2 * len(held) + 2
    assert [None] * 3 == [table.of(f"held {number}").take() for number in range(3)]


@settings(max_examples=200, deadline=None)
@given(
    most=st.integers(1, 3),
    calls=st.lists(
        st.tuples(
            st.integers(0, 20),  # when it comes,
            st.integers(0, 10),  # how long it may wait,
            st.integers(0, 10),  # how long it holds its slot,
            st.none() | st.integers(0, 30),  # and when it is cancelled
        ),
        max_size=20,
    ),
)
def test_whoever_leaves_whenever_no_slot_is_lost_or_held_twice(
    most: int, calls: list[tuple[int, int, int, int | None]]
) -> None:
    async def scenario() -> None:
        slots = SlotTable(most).of("key")
        held = 0

        async def call(comes: int, waits: int, holds: int) -> None:
            nonlocal held
            await asyncio.sleep(comes)
            permit: Permit = slots.take() or await slots.wait(waits)
            held += 1
            assert held <= most
            try:
                await asyncio.sleep(holds)
            finally:
                held -= 1
                permit.release()

        loop = asyncio.get_running_loop()
        tasks = []
        for comes, waits, holds, cancelled in calls:
            task = asyncio.ensure_future(call(comes, waits, holds))
            tasks.append(task)
            if cancelled is not None:
                cancel: Callable[[], object] = task.cancel
                loop.call_later(cancelled, cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(None), TimeoutError, asyncio.CancelledError} >= {type(result) for result in results}
        assert (0, 0, 0) == (held, slots.used, len(slots.waiting))

    run_in_virtual_time(scenario())
