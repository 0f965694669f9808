"""The metrics of several workers as those of one gateway."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from apim_core.management import merge


def exposition(calls: dict[str, int], latencies: list[float] | None = None, active: float = 0) -> bytes:
    """What one worker gives that has seen so many calls of each API."""
    registry = CollectorRegistry()
    counter = Counter("apim_requests", "Requests", ["api"], registry=registry)
    for api, count in calls.items():
        counter.labels(api).inc(count)
    histogram = Histogram("apim_seconds", "Time", buckets=(0.1, 1.0), registry=registry)
    summary = Summary("apim_bytes", "Size", registry=registry)
    for latency in latencies or []:
        histogram.observe(latency)
        summary.observe(latency)
    Gauge("apim_active", "Active", registry=registry).set(active)
    return generate_latest(registry)


def samples(text: bytes) -> dict[str, float]:
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_counters_are_summed_by_their_labels() -> None:
    merged = samples(merge({"1": exposition({"a": 1, "b": 2}), "2": exposition({"b": 3, "c": 4})}))

    assert merged["apim_requests_total{api=a}"] == 1
    assert merged["apim_requests_total{api=b}"] == 5
    assert merged["apim_requests_total{api=c}"] == 4


def test_histograms_and_summaries_are_summed() -> None:
    merged = samples(merge({"1": exposition({}, [0.05, 0.5]), "2": exposition({}, [0.5, 5.0])}))

    assert merged["apim_seconds_bucket{le=0.1}"] == 1
    assert merged["apim_seconds_bucket{le=1.0}"] == 3
    assert merged["apim_seconds_bucket{le=+Inf}"] == 4
    assert merged["apim_seconds_count{}"] == 4
    assert merged["apim_seconds_sum{}"] == 6.05
    assert merged["apim_bytes_count{}"] == 4


def test_a_gauge_stands_for_each_worker() -> None:
    merged = samples(merge({"1": exposition({}, active=7), "2": exposition({}, active=9)}))

    assert (7, 9) == (merged["apim_active{worker=1}"], merged["apim_active{worker=2}"])


def test_what_an_ended_worker_counted_stays_in_the_sums_but_not_its_gauges() -> None:
    merged = samples(merge({"1": exposition({"a": 1}, active=7)}, [exposition({"a": 10}, active=9)]))

    assert merged["apim_requests_total{api=a}"] == 11
    assert [name for name in merged if name.startswith("apim_active")] == ["apim_active{worker=1}"]


def test_the_time_at_which_one_worker_made_a_metric_is_left_out() -> None:
    assert b"_created" not in merge({"1": exposition({"a": 1}, [1.0])})


def test_types_and_descriptions_stay() -> None:
    text = merge({"1": exposition({"a": 1})}).decode()

    assert "# HELP apim_requests_total Requests\n# TYPE apim_requests_total counter\n" in text
    assert "# TYPE apim_seconds histogram\n" in text
    assert "# TYPE apim_active gauge\n" in text


counts = st.dictionaries(st.sampled_from(["a", "b", 'c"\\\n']), st.integers(0, 1000))


@given(st.lists(counts, min_size=1, max_size=4), st.lists(counts, max_size=3))
def test_every_sum_is_that_of_the_parts(running: list[dict[str, int]], ended: list[dict[str, int]]) -> None:
    workers = {str(number): exposition(calls) for number, calls in enumerate(running, 1)}
    merged = samples(merge(workers, map(exposition, ended)))

    for api in ("a", "b"):
        expected = sum(calls.get(api, 0) for calls in (*running, *ended))
        assert expected == merged.get(f"apim_requests_total{{api={api}}}", 0)


@given(st.lists(counts, min_size=1, max_size=3))
def test_merging_what_ended_one_by_one_is_merging_it_at_once(ended: list[dict[str, int]]) -> None:
    kept = b""
    for calls in ended:
        kept = merge({}, (kept, exposition(calls)))

    assert samples(merge({}, map(exposition, ended))) == samples(kept)
