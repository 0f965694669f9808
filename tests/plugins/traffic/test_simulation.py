"""The modes in a network that is made up: each keeps the bound that it states, whatever happens."""

from __future__ import annotations

from typing import get_args

import attrs
import pytest
from apim_sdk import Limit
from apim_sdk.counting import Algorithm
from apim_traffic.modes import MODES
from apim_traffic.simulation import Burst, Outage, Scenario, make_scenario, simulate
from apim_traffic.simulation.measuring import excess
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NODES = 3
SPAN = 6.0

limits = st.builds(
    Limit,
    st.integers(1, 120),
    st.sampled_from([0.5, 2.0, 60.0]),
    st.sampled_from(get_args(Algorithm)),
)
moments = st.floats(0.0, SPAN).map(lambda moment: round(moment, 3))
bursts = st.lists(
    st.builds(Burst, moments, st.integers(0, NODES - 1), st.integers(1, 60), st.sampled_from([0.0, 0.01, 0.3, 2.0])),
    min_size=1,
    max_size=8,
).map(tuple)
outages = st.builds(
    lambda kind, start, length, node, lose: Outage(
        kind,
        start,
        start + length,
        node=node if kind == "partition" else None,
        lose=lose and kind == "restart",
        delay=0.2 if kind == "slow" else 0.0,
    ),
    st.sampled_from(["partition", "restart", "slow"]),
    moments,
    st.sampled_from([0.02, 0.5, 2.0]),
    st.none() | st.integers(0, NODES - 1),
    st.booleans(),
)
scenarios = st.builds(
    Scenario,
    limit=limits,
    nodes=st.just(NODES),
    latency=st.sampled_from([0.0005, 0.005, 0.04]),
    skew=st.sampled_from([0.0, 0.05, 30.0]),
    bursts=bursts,
    sync_interval=st.sampled_from([0.05, 1.0]),
    seed=st.integers(0, 1000),
)
run = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mode", list(MODES))
@given(scenario=scenarios)
@run
def test_a_mode_keeps_its_bound(mode: str, scenario: Scenario) -> None:
    result = simulate(scenario, mode)

    assert result.holds, result
    assert result.longest <= 3 * 1.5 * scenario.latency + 1e-6


@pytest.mark.parametrize("mode", list(MODES))
@given(scenario=scenarios, troubles=st.lists(outages, min_size=1, max_size=3).map(tuple))
@run
def test_a_mode_keeps_its_bound_while_the_store_comes_and_goes(
    mode: str, scenario: Scenario, troubles: tuple[Outage, ...]
) -> None:
    result = simulate(attrs.evolve(scenario, outages=troubles), mode)

    assert result.holds, result


@pytest.mark.parametrize("mode", list(MODES))
def test_nodes_take_a_share_each_of_a_store_that_goes_away_right_after_they_started(mode: str) -> None:
    scenario = make_scenario(
        Limit(400, 60.0), nodes=4, load=30, windows=0.1, seed=2, outages=(Outage("restart", 0.0, 6.0),)
    )
    result = simulate(scenario, mode)

    assert result.calls == 1200
    assert result.allowed <= 440, result


@pytest.mark.parametrize("mode", ["exact", "lease", "hybrid"])
@given(scenario=scenarios, troubles=st.lists(outages, min_size=1, max_size=3).map(tuple))
@run
def test_what_is_closed_without_the_store_never_passes_the_limit(
    mode: str, scenario: Scenario, troubles: tuple[Outage, ...]
) -> None:
    kept = tuple(attrs.evolve(outage, lose=False) for outage in troubles)
    result = simulate(attrs.evolve(scenario, outages=kept, on_store_error="closed"), mode)

    assert result.holds, result


@pytest.mark.parametrize("mode", list(MODES))
def test_the_same_seed_gives_the_same_result(mode: str) -> None:
    scenario = make_scenario(Limit(100, 1.0), nodes=4, load=3, windows=3, seed=7)

    assert simulate(scenario, mode) == simulate(scenario, mode)


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
@pytest.mark.parametrize(("mode", "ratio"), [("exact", 1.001), ("lease", 1.001), ("hybrid", 1.005)])
def test_at_three_times_the_limit_it_holds_and_is_used(mode: str, ratio: float, algorithm: Algorithm) -> None:
    scenario = make_scenario(Limit(400, 4.0, algorithm), nodes=4, load=3, windows=2, seed=1)
    result = simulate(scenario, mode)

    assert result.ratio <= ratio
    assert result.allowed >= 0.9 * simulate(scenario, "exact").allowed


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
@pytest.mark.parametrize(("seconds", "burst"), [(60.0, 1000), (60.0, 100), (600.0, 1000)])
def test_leases_that_live_long_keep_the_limit_and_use_it(seconds: float, burst: int, algorithm: Algorithm) -> None:
    limit = Limit(1000, seconds, algorithm, burst=burst if algorithm == "gcra" else 1000)
    for seed in range(3):
        scenario = make_scenario(limit, nodes=4, load=2, windows=1.5, seed=seed, latency=0.02)
        result = simulate(scenario, "lease")

        assert result.ratio <= 1.001
        assert result.allowed >= 0.95 * simulate(scenario, "exact").allowed


def test_a_count_that_lets_too_much_through_is_found() -> None:
    calls = [(number * 0.001, number * 0.001) for number in range(11)]

    assert 1.0 == pytest.approx(excess(Limit(10, 60.0, "sliding-log"), calls, (), 0.0))
    assert 1.0 == pytest.approx(excess(Limit(10, 60.0, "sliding-window"), calls, (), 0.0), abs=0.01)
    assert 1.0 == pytest.approx(excess(Limit(10, 60.0, "gcra"), calls, (), 0.0), abs=0.01)
    assert 1.0 == excess(Limit(10, 60.0, "fixed-window"), calls, {(0.0, 60.0)}, 0.0)


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 5),
)
@settings(max_examples=200, deadline=None)
def test_the_worst_span_is_that_of_a_search_through_all(
    calls: list[tuple[float, float]], units: int, burst: int
) -> None:
    spans = [(came, came + wait) for came, wait in calls]
    starts, ends = [came for came, _ in spans], [passed for _, passed in spans]
    worst = max(
        (
            sum(start <= came and passed <= end for came, passed in spans) - units * (end - start)
            for start in starts
            for end in ends
            if start <= end
        ),
        default=0.0,
    )

    assert max(worst, 0.0) - burst == pytest.approx(excess(Limit(units, 1.0, burst=burst), spans, (), 0.0), abs=1e-6)
