"""Processes that ask for three times the limit, in bursts, get the limit together, and no more."""

from __future__ import annotations

import pytest
from apim_sdk import Limit

from bench.accuracy import LIMITS, Outcome, Run, permitted, together
from bench.accuracy.servers import running


@pytest.mark.parametrize("edges", [False, True], ids=["at any time", "around the edges of windows"])
@pytest.mark.parametrize("algorithm", LIMITS)
def test_four_processes_together_get_what_the_limit_says(algorithm: str, edges: bool) -> None:
    limit = LIMITS[algorithm]

    with running(None) as store:
        run, found = together(Run(limit, "exact"), store, processes=4, seconds=1.6, edges=edges)

    assert found.asked > 2 * found.allowed
    assert 0 == found.failed
    assert 0.5 * limit.burst < found.allowed
    assert found.ratio(limit) <= 1.001
    assert found.worst(limit) <= run.bound(found) == 1.0
    assert (algorithm == "fixed-window") == (len(found.windows) >= 3)


def test_a_master_that_is_killed_is_replaced_while_no_call_fails() -> None:
    limit = LIMITS["gcra"]

    with running("failover") as store:
        run, found = together(Run(limit, "lease"), store, processes=2, seconds=3, disturb=True)

    assert run.outage is not None
    assert run.outage.start == 1.0 < run.outage.end
    assert 0 == found.failed
    assert 0.5 < found.ratio(limit)
    assert found.worst(limit) <= run.bound(found)


def test_what_is_permitted_is_a_burst_and_what_comes_again_or_the_windows_that_were_touched() -> None:
    assert 100 + 1000 * 2.5 == permitted(Limit(1000, 1.0, burst=100), 10.0, 12.5)
    assert 3 * 50 == permitted(Limit(50, 1.0, "sliding-window"), 10.9, 12.1)
    assert 2 * 50 == permitted(Limit(50, 1.0, "sliding-log"), 10.9, 12.1)
    assert 0.5 == outcome([(10.9, 10.9)] * 50).ratio(Limit(50, 1.0, "fixed-window"))


def test_the_worst_window_is_told_beside_what_the_mode_may_let_through_in_it() -> None:
    limit = Limit(10, 1.0, "fixed-window")
    found = outcome([(11.0, 11.1)] * 13 + [(11.9, 12.0)] * 9)
    alone = Run(limit, "exact")

    assert 1.3 == pytest.approx(found.worst(limit))
    assert 1.0 == alone.bound(found)
    assert 2.0 == Run(limit, "async").bound(found), "one process, which was asked for more than the limit"


def outcome(passed: list[tuple[float, float]]) -> Outcome:
    """What one process got, between 10.9 and 12.1, in which the store had a window of a second."""
    came = [call[0] for call in passed]
    return Outcome(4 * len(passed), 0, 10.9, 12.1, passed, [came], [(10.95, 11.95)])
