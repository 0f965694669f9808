"""Metrics: what the core and its plugins count, in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from apim_sdk.context import NO_LABELS
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Metrics"]


class Metrics:
    """The metrics of one process. They outlive snapshots: a name that is asked for again is the same metric."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series each that nobody asks for
        self._registry = CollectorRegistry(auto_describe=False)
        self._known: dict[str, Any] = {}

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Callable[..., None]:
        """See ``apim_sdk.Metrics.counter``."""
        counts = self._known.get(name)
        if counts is None:
            Counter(name, description, labels, registry=None)  # refuses names that Prometheus keeps for itself
            counts = self._known[name] = _Counts(name, description, tuple(labels))
            self._registry.register(counts)
        series: _Series = counts.series

        def count(*values: str, amount: float = 1) -> None:
            if amount < 0:
                raise ValueError(f"a counter only grows, and this adds {amount}")
            series[values] += amount

        return count

    def histogram(
        self, name: str, description: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
    ) -> Callable[..., None]:
        """See ``apim_sdk.Metrics.histogram``."""
        metric = self._known.get(name)
        if metric is None:
            metric = self._known[name] = Histogram(name, description, labels, buckets=buckets, registry=self._registry)

        def observe(value: float, *values: str) -> None:
            (metric.labels(*values) if labels else metric).observe(value)

        return observe

    def gauge(
        self, name: str, description: str, read: Callable[[], float | None], labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """See ``apim_sdk.Metrics.gauge``."""
        gauges = self._known.get(name)
        if gauges is None:
            gauges = self._known[name] = _Gauges(name, description, tuple(labels))
            self._registry.register(gauges)
        gauges.reads[tuple(labels.values())] = read

    def total(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A count that somebody else keeps; ``name`` is without ``_total``."""
        self._read(name, description, read)

    def totals(self, name: str, description: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Counts that somebody else keeps, by the values of one label."""
        self._read(name, description, read, label)

    def _read(self, name: str, description: str, read: Callable[[], Any], label: str | None = None) -> None:
        reading = self._known.get(name)
        if reading is None:
            reading = self._known[name] = _Totals(name, description, label)
            self._registry.register(reading)
        reading.read = read

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format, version 0.0.4."""
        return generate_latest(self._registry)


class _Series(dict[tuple[str, ...], float]):
    """What was counted, by the values of the labels."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels

    def __missing__(self, values: tuple[str, ...]) -> float:
        if len(values) != len(self._labels):
            raise ValueError(f"a value for each of the labels {self._labels} is needed, and these are {values}")
        return 0.0


class _Counts(Collector):
    """A count that we keep ourselves: the library's takes a lock and five calls for each time."""

    def __init__(self, name: str, description: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._description = description
        self._labels = labels
        self.series = _Series(labels)
        if not labels:
            self.series[()] = 0.0

    def collect(self) -> Iterator[Metric]:
        metric = CounterMetricFamily(self._name, self._description, labels=self._labels)
        for values, number in tuple(self.series.items()):
            metric.add_metric([str(value) for value in values], number)
        yield metric


class _Gauges(Collector):
    """Values that are read when somebody looks, by their labels."""

    def __init__(self, name: str, description: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._description = description
        self._labels = labels
        self.reads: dict[tuple[str, ...], Callable[[], float | None]] = {}

    def collect(self) -> Iterator[Metric]:
        metric = GaugeMetricFamily(self._name, self._description, labels=self._labels)
        for labels, read in tuple(self.reads.items()):
            value = read()
            if value is None:
                del self.reads[labels]
            else:
                metric.add_metric(labels, value)
        yield metric


class _Totals(Collector):
    """A count that is read when somebody looks; the last that registered is the one that is read."""

    def __init__(self, name: str, description: str, label: str | None) -> None:
        self._name = name
        self._description = description
        self._label = label
        self.read: Callable[[], Any] = float

    def collect(self) -> Iterator[Metric]:
        if self._label is None:
            yield CounterMetricFamily(self._name, self._description, value=self.read())
            return
        metric = CounterMetricFamily(self._name, self._description, labels=[self._label])
        for value, number in self.read().items():
            metric.add_metric([value], number)
        yield metric
