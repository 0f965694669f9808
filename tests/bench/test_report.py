"""The arithmetic of rounds, ratios and budgets."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import Finding, Ratio, RowReport, Sample, compare, error_findings, middle, of


def sample(contestant: str, number: int, cpu_us: float, **changes: float) -> Sample:
    figures = {"per_second": 1000.0, "p50_ms": 1.0, "p99_ms": 2.0, "requests": 3000, "errors": 0, **changes}
    return Sample(contestant, number, cpu_us, **figures)


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds():
    samples = [sample("apim", n, cpu) for n, cpu in enumerate((30.0, 36.0, 90.0))]
    samples += [sample("nginx", n, cpu) for n, cpu in enumerate((20.0, 20.0, 60.0))]
    assert Finding("apim / nginx", 1.5, "x", 1.6, 1.5, 1.8, 3, 3) == compare(samples, Ratio("apim", "nginx", 1.6))


def test_a_slow_round_slows_both_and_leaves_the_ratio_alone():
    steady = [sample(name, n, cpu) for n in range(3) for name, cpu in (("apim", 30.0), ("nginx", 20.0))]
    disturbed = [attrs.evolve(one, cpu_us=one.cpu_us * 7) if one.round == 1 else one for one in steady]
    assert compare(steady, Ratio("apim", "nginx")) == compare(disturbed, Ratio("apim", "nginx"))


def test_rounds_that_others_disturbed_do_not_count():
    samples = [sample("apim", n, cpu, others=0.3 * n) for n, cpu in enumerate((30.0, 90.0))]
    samples += [sample("nginx", n, 20.0) for n in range(2)]
    assert Finding("apim / nginx", 1.5, "x", None, 1.5, 1.5, 2, 1) == compare(samples, Ratio("apim", "nginx"))


def test_where_every_round_was_disturbed_all_count_and_the_finding_says_so():
    samples = [sample(name, 0, cpu, others=0.4) for name, cpu in (("apim", 30.0), ("nginx", 20.0))]
    found = compare(samples, Ratio("apim", "nginx"))
    assert Finding("apim / nginx", 1.5, "x", None, 1.5, 1.5, 1, 0) == found


def test_the_middle_is_that_of_calm_runs():
    runs = (sample("apim", 0, 30.0), sample("apim", 1, 90.0, others=0.5))
    assert sample("apim", 2, 30.0, requests=6000) == middle(runs)


def test_another_measure_is_named_in_the_finding():
    samples = [sample("with", 0, 1.0, p99_ms=6.0), sample("without", 0, 1.0, p99_ms=2.0)]
    found = compare(samples, Ratio("with", "without", 3.0, "p99_ms"))
    assert Finding("with / without (p99_ms)", 3.0, "x", 3.0, 3.0, 3.0, 1, 1) == found


def test_there_is_no_ratio_to_a_peer_that_was_not_measured():
    assert compare([sample("apim", 0, 30.0)], Ratio("apim", "envoy", 0.6)) is None


def test_only_rounds_that_both_ran_are_compared():
    samples = [sample("apim", 0, 30.0), sample("apim", 1, 80.0), sample("nginx", 0, 20.0)]
    found = compare(samples, Ratio("apim", "nginx"))
    assert found is not None
    assert 1.5 == found.value


@pytest.mark.parametrize(("value", "budget", "holds"), [(1.6, 1.6, True), (1.61, 1.6, False), (9.0, None, None)])
def test_a_budget_is_the_most_that_a_value_may_be(value, budget, holds):
    assert holds is Finding("what", value, "x", budget).holds


def test_the_middle_takes_medians_and_sums_requests_and_errors():
    runs = tuple(
        sample("apim", n, cpu, p99_ms=p99, errors=n) for n, (cpu, p99) in enumerate(((30, 9), (40, 2), (35, 3)))
    )
    assert sample("apim", 3, 35.0, p99_ms=3.0, requests=9000, errors=3) == middle(runs)


def test_the_middle_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        middle(())


def test_samples_of_a_contestant_come_by_round():
    samples = [sample("apim", 1, 2.0), sample("nginx", 0, 3.0), sample("apim", 0, 1.0)]
    assert (1.0, 2.0) == tuple(one.cpu_us for one in of(samples, "apim"))


def test_failed_requests_break_a_budget_of_none():
    samples = [sample("apim", 0, 1.0, errors=2), sample("apim", 1, 1.0, errors=1), sample("nginx", 0, 1.0)]
    (found,) = error_findings(samples)
    assert Finding("failed requests of apim", 3, "", 0) == found
    assert found.holds is False


def test_a_report_is_json_with_its_verdicts():
    report = RowReport("plain", "plain proxy", (sample("apim", 0, 1.0),), (Finding("a / b", 2.0, "x", 1.5),))
    document = json.loads(json.dumps(report.document()))
    assert [False] == [finding["holds"] for finding in document["findings"]]
    assert ["apim"] == [one["contestant"] for one in document["samples"]]


@given(st.lists(st.tuples(st.floats(1, 1000), st.floats(1, 1000)), min_size=1, max_size=9))
def test_a_ratio_lies_within_its_spread(pairs):
    samples = [sample("a", n, a) for n, (a, _) in enumerate(pairs)]
    samples += [sample("b", n, b) for n, (_, b) in enumerate(pairs)]
    found = compare(samples, Ratio("a", "b"))
    assert found is not None
    assert found.least <= found.value <= found.greatest
