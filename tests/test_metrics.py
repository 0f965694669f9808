"""What the core and its plugins count, and how a scraper reads it."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apim_core.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of the exposition by its name and labels, as a scraper would parse it."""
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_a_counter_counts_by_one_or_by_an_amount() -> None:
    metrics = Metrics()
    count = metrics.counter("things", "Things")
    count()
    count(amount=2.5)
    assert {"things_total": 3.5} == samples(metrics)


def test_a_counter_has_a_series_for_each_value_of_its_labels() -> None:
    metrics = Metrics()
    count = metrics.counter("things", "Things", ["colour", "size"])
    count("red", "big")
    count("red", "big")
    count("blue", "small")
    assert {"things_total colour=red size=big": 2.0, "things_total colour=blue size=small": 1.0} == samples(metrics)


def test_a_counter_only_grows() -> None:
    count = Metrics().counter("things", "Things")
    with pytest.raises(ValueError, match="only grows"):
        count(amount=-1)


@pytest.mark.parametrize("values", [(), ("red",), ("red", "big", "heavy")])
def test_each_label_has_a_value(values: tuple[str, ...]) -> None:
    metrics = Metrics()
    count = metrics.counter("things", "Things", ["colour", "size"])
    with pytest.raises(ValueError, match="a value for each of the labels"):
        count(*values)
    assert {} == samples(metrics)


def test_labels_that_are_prometheuss_own_are_refused() -> None:
    with pytest.raises(ValueError, match="__name__"):
        Metrics().counter("things", "Things", ["__name__"])


def test_what_a_label_holds_cannot_break_the_exposition() -> None:
    metrics = Metrics()
    metrics.counter("things", "Things", ["name"])('a"} 1\nb{c="\\')
    assert {'things_total name=a"} 1\nb{c="\\': 1.0} == samples(metrics)


def test_a_histogram_has_its_buckets_a_sum_and_a_count() -> None:
    metrics = Metrics()
    observe = metrics.histogram("seconds", "Time", ["api"], buckets=[0.1, 1.0])
    observe(0.05, "a")
    observe(0.5, "a")
    observe(5.0, "a")
    assert {
        "seconds_bucket api=a le=0.1": 1.0,
        "seconds_bucket api=a le=1.0": 2.0,
        "seconds_bucket api=a le=+Inf": 3.0,
        "seconds_count api=a": 3.0,
        "seconds_sum api=a": 5.55,
    } == samples(metrics)


def test_a_gauge_is_read_when_somebody_looks() -> None:
    metrics = Metrics()
    value = [1.0]
    metrics.gauge("level", "Level", lambda: value[0])
    assert {"level": 1.0} == samples(metrics)
    value[0] = 2.0
    assert {"level": 2.0} == samples(metrics)


def test_a_total_that_somebody_else_keeps_is_a_counter() -> None:
    metrics = Metrics()
    metrics.total("drops", "Drops", lambda: 7)
    assert {"drops_total": 7.0} == samples(metrics)
    assert b"# TYPE drops_total counter" in metrics.exposition()


def test_a_name_that_is_asked_for_again_is_the_same_counter() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.counter("things", "Things")()
    assert {"things_total": 2.0} == samples(metrics)


def test_a_name_that_is_asked_for_again_is_the_same_histogram() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.histogram("seconds", "Time", buckets=[1.0])(0.5)
    assert 2.0 == samples(metrics)["seconds_count"]


def test_gauges_with_labels_are_read_until_they_are_gone() -> None:
    metrics = Metrics()
    levels: dict[str, float | None] = {"a": 1.0, "b": 2.0}
    for place in levels:
        metrics.gauge("level", "Level", lambda place=place: levels[place], {"place": place})
    metrics.gauge("level", "Level", lambda: 3.0, {"place": "b"})
    assert {"level place=a": 1.0, "level place=b": 3.0} == samples(metrics)
    levels["a"] = None
    assert {"level place=b": 3.0} == samples(metrics)
    levels["a"] = 1.0
    assert {"level place=b": 3.0} == samples(metrics)


def test_the_last_that_registered_a_gauge_is_the_one_that_is_read() -> None:
    metrics = Metrics()
    metrics.gauge("level", "Level", lambda: 1.0)
    metrics.gauge("level", "Level", lambda: 2.0)
    assert {"level": 2.0} == samples(metrics)


def test_the_exposition_describes_each_metric() -> None:
    metrics = Metrics()
    metrics.counter("things", "Things that were seen")()
    assert b"# HELP things_total Things that were seen\n# TYPE things_total counter\n" in metrics.exposition()


def test_two_gateways_in_one_process_do_not_count_together() -> None:
    first, second = Metrics(), Metrics()
    first.counter("things", "Things")()
    second.counter("things", "Things")
    assert ({"things_total": 1.0}, {"things_total": 0.0}) == (samples(first), samples(second))
