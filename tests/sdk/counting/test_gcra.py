"""The table of a limit: exact whatever comes when, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from apim_sdk import Grant, Limit
from apim_sdk.counting import Table, open_table
from apim_sdk.testing import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st


def fail() -> None:
    raise AssertionError("the table forgot a key")


def table(
    units: int, seconds: float, burst: int, clock: FakeClock, size: int = 100, forgot: Callable[[], None] = fail
) -> Table:
    return open_table(Limit(units, seconds, burst=burst), clock, size, forgot)


def test_exactly_the_burst_passes_at_once() -> None:
    limit = table(7, 60.0, 7, FakeClock())

    assert [True] * 7 + [False] * 3 == [limit.take("a") == 0.0 for _ in range(10)]


def test_the_wait_is_until_one_more_passes() -> None:
    clock = FakeClock()
    limit = table(10, 60.0, 10, clock)
    for _ in range(10):
        limit.take("a")

    wait = limit.take("a")
    assert 6.0 == wait

    clock.advance(wait - 0.001)
    assert limit.take("a") == pytest.approx(0.001)
    clock.advance(0.001)
    assert 0.0 == limit.take("a")


def test_a_burst_of_one_spaces_calls_evenly() -> None:
    clock = FakeClock()
    limit = table(4, 1.0, 1, clock)
    passed = 0
    for _ in range(100):
        passed += limit.take("a") == 0.0
        clock.advance(0.0625)

    assert 25 == passed


def test_keys_are_counted_apart() -> None:
    limit = table(1, 1.0, 1, FakeClock())

    assert [0.0, 0.0, 1.0] == [limit.take("a"), limit.take("b"), limit.take("a")]


def test_what_is_left_is_told_without_taking_it() -> None:
    clock = FakeClock()
    limit = table(10, 60.0, 10, clock)
    for _ in range(4):
        limit.take("a")

    assert Grant(0, 0.0, 6, 24.0) == limit.standing("a")
    assert Grant(0, 0.0, 6, 24.0) == limit.standing("a")
    assert Grant(0, 0.0, 10, 0.0) == limit.standing("b")


def reference(calls: list[tuple[float, int]], rate: Limit) -> list[bool]:
    """A leaky bucket in exact fractions: it holds ``burst`` calls and leaks ``units`` of them in ``seconds``."""
    level, last = Fraction(0), Fraction(0)
    speed = Fraction(rate.units) / Fraction(rate.seconds)
    passed = []
    for at, nanoseconds in calls:
        now = Fraction(nanoseconds, 1_000_000_000)
        assert at >= 0.0
        level, last = max(Fraction(0), level - (now - last) * speed), now
        passed.append(level + 1 <= rate.burst)
        level += passed[-1]
    return passed


@given(
    units=st.integers(1, 50),
    seconds=st.sampled_from([0.25, 1.0, 7.0, 60.0]),
    burst=st.integers(1, 20),
    pauses=st.lists(st.integers(0, 5_000_000_000), max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_it_agrees_with_a_leaky_bucket_in_exact_fractions(
    units: int, seconds: float, burst: int, pauses: list[int]
) -> None:
    clock = FakeClock()
    limit = table(units, seconds, burst, clock)
    start = clock.uptime
    now = 0
    calls, passed = [], []
    for pause in pauses:
        now += pause
        clock.uptime = start + now / 1_000_000_000
        seen = int(clock.uptime * 1_000_000_000)
        calls.append((clock.uptime, seen))
        passed.append(limit.take("a") == 0.0)

    assert reference(calls, Limit(units, seconds, burst=burst)) == passed


@given(
    units=st.integers(1, 100),
    seconds=st.floats(0.001, 1000.0),
    burst=st.integers(1, 100),
    pauses=st.lists(st.floats(0.0, 10.0), max_size=80),
)
@settings(max_examples=300, deadline=None)
def test_no_window_lets_more_through_than_burst_and_rate_allow(
    units: int, seconds: float, burst: int, pauses: list[float]
) -> None:
    clock = FakeClock()
    limit = table(units, seconds, burst, clock)
    passed: list[Fraction] = []
    for pause in pauses:
        clock.advance(pause)
        if limit.take("a") == 0.0:
            passed.append(Fraction(int(clock.uptime * 1_000_000_000), 1_000_000_000))

    speed = Fraction(units * 1_000_000_000, round(seconds * 1_000_000_000))
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + speed * (passed[last] - start)


def test_idle_keys_leave_as_new_ones_come() -> None:
    clock = FakeClock()
    limit = table(10, 1.0, 10, clock, size=10_000)
    for number in range(1000):
        limit.take(number)
    clock.advance(10.0)

    for number in range(1000, 1600):
        limit.take(number)

    assert 600 == len(limit)


def test_a_full_table_forgets_its_oldest_key_and_says_so() -> None:
    forgotten: list[None] = []
    limit = table(1, 60.0, 1, FakeClock(), size=3, forgot=lambda: forgotten.append(None))

    for key in "abcd":
        limit.take(key)

    assert (3, 1) == (len(limit), len(forgotten))
    assert [60.0, 60.0] == [limit.take("c"), limit.take("d")]
