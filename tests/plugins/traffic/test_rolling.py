"""Rolling windows count what is in them, and nothing else."""

from __future__ import annotations

from apim_traffic.rolling import FAILED, SLOW, CountWindow, TimeWindow, Window
from hypothesis import given
from hypothesis import strategies as st

OUTCOMES = st.sampled_from((0, FAILED, SLOW, FAILED | SLOW))


def counts(window: Window) -> tuple[int, int, int]:
    return window.total, window.failed, window.slow


def expected(outcomes: list[int]) -> tuple[int, int, int]:
    return len(outcomes), sum(bool(o & FAILED) for o in outcomes), sum(bool(o & SLOW) for o in outcomes)


@given(st.lists(OUTCOMES, max_size=60), st.integers(1, 20))
def test_a_window_of_calls_holds_the_last_ones(outcomes: list[int], size: int) -> None:
    window = CountWindow(size)
    for number, outcome in enumerate(outcomes):
        window.add(outcome, float(number))

    assert expected(outcomes[-size:]) == counts(window)


@given(st.lists(st.tuples(OUTCOMES, st.integers(0, 400)), max_size=60))
def test_a_window_of_time_holds_those_of_its_last_ten_parts(calls: list[tuple[int, int]]) -> None:
    window = TimeWindow(30.0)
    seen: list[tuple[int, int]] = []
    now = 1000
    for outcome, later in calls:
        now += later // 10  # mostly a few seconds, at times longer than the window
        window.add(outcome, float(now))
        seen.append((outcome, now // 3))

        assert expected([o for o, part in seen if part > now // 3 - 10]) == counts(window)


def test_a_cleared_window_is_empty() -> None:
    for window in (CountWindow(3), TimeWindow(30.0)):
        window.add(FAILED | SLOW, 5.0)
        window.clear()
        assert (0, 0, 0) == counts(window)
        window.add(FAILED, 6.0)
        assert (1, 1, 0) == counts(window)
