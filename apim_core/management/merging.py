"""The metrics of several workers as those of one gateway.

Counters and histograms are summed; a gauge is what it is in one process, so each worker's stands with a label
``worker``. What a worker had counted when it ended stays in the sums, so that no counter ever goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

__all__ = ["merge"]

_SUMMED = frozenset({"counter", "histogram", "summary"})


def merge(running: Mapping[str, bytes], ended: Iterable[bytes] = ()) -> bytes:
    """One exposition (Prometheus text format 0.0.4) of those of ``running`` workers by name, and of ``ended`` ones."""
    merged: dict[str, _Family] = {}
    for worker, exposition in running.items():
        for family in _families(exposition):
            merged.setdefault(family.name, _Family(family)).add(family, worker)
    for exposition in ended:
        for family in _families(exposition):
            if family.type in _SUMMED:
                merged.setdefault(family.name, _Family(family)).add(family, "")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(family.metric() for family in merged.values()))
    return generate_latest(registry)


def _families(exposition: bytes) -> Iterator[Metric]:
    for family in text_string_to_metric_families(exposition.decode()):
        # When a metric of one process was made says nothing of the sum.
        if not (family.type == "gauge" and family.name.endswith("_created")):
            yield family


class _Family:
    """All samples of one metric."""

    def __init__(self, first: Metric) -> None:
        self._first = first
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, family: Metric, worker: str) -> None:
        for sample in family.samples:
            if family.type in _SUMMED:
                if "quantile" in sample.labels:
                    continue  # quantiles of several processes do not add up
                key = (sample.name, tuple(sorted(sample.labels.items())))
                self._values[key] = self._values.get(key, 0.0) + sample.value
            else:
                self._values[sample.name, (*sorted(sample.labels.items()), ("worker", worker))] = sample.value

    def metric(self) -> Metric:
        metric = Metric(self._first.name, self._first.documentation, self._first.type)
        metric.samples = [Sample(name, dict(labels), value) for (name, labels), value in self._values.items()]
        return metric


class _Fixed(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)
