"""Processes that ask for three times the limit, in bursts, get the limit together, and no more."""

from __future__ import annotations

import pytest
from apim_sdk import Limit
from support.redis import RedisProcess

from bench.accuracy import LIMITS, Outcome, permitted, together


@pytest.mark.parametrize("algorithm", LIMITS)
def test_four_processes_together_get_what_the_limit_says(redis_server: RedisProcess, algorithm: str) -> None:
    redis_server.send("FLUSHALL")
    limit = LIMITS[algorithm]

    found = together("exact", redis_server.url, limit, processes=4, seconds=1.6)

    assert found.asked > 2 * found.allowed
    assert 0 == found.failed
    assert 0.5 < found.ratio(limit) <= 1.001


def test_what_is_permitted_is_a_burst_and_what_comes_again_or_the_windows_that_were_touched() -> None:
    assert 100 + 1000 * 2.5 == permitted(Limit(1000, 1.0, burst=100), 10.0, 12.5)
    assert 3 * 50 == permitted(Limit(50, 1.0, "sliding-window"), 10.9, 12.1)
    assert 2 * 50 == permitted(Limit(50, 1.0, "sliding-log"), 10.9, 12.1)
    assert 0.5 == Outcome(200, 50, 0, 10.9, 12.1).ratio(Limit(50, 1.0, "fixed-window"))
