"""Figures of timed runs, the ratios between them, and whether each keeps within its budget."""

from collections.abc import Iterable
from statistics import median

import attrs


@attrs.frozen
class Sample:
    """One timed run of one contestant."""

    contestant: str
    round: int
    cpu_us: float
    """CPU time of the gateway a request, in microseconds."""
    per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int
    others: float = 0.0
    """The part (0 to 1) of the gateway core's time that other programs, or a hypervisor, took meanwhile."""

    @property
    def calm(self) -> bool:
        """Whether the figures are the gateway's own: programs that share a core also empty each other's caches."""
        return self.others <= CALM


CALM = 0.05


@attrs.frozen
class Finding:
    """A measured value, with its budget where there is one."""

    what: str
    value: float
    unit: str
    budget: float | None = None
    """The most that `value` may be."""
    least: float | None = None
    greatest: float | None = None
    """The spread of `value` over the rounds, where there were several."""
    rounds: int | None = None
    calm_rounds: int | None = None
    """How many rounds there were, and how many of them nobody else disturbed: only these count, if there are any."""

    @property
    def holds(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        return None if self.budget is None else self.value <= self.budget


@attrs.frozen
class RowReport:
    """All that a row has to say."""

    name: str
    title: str
    samples: tuple[Sample, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """What could not be measured, and why."""

    def document(self) -> dict[str, object]:
        """The row as JSON-ready values, with `holds` worked out."""
        findings = [{**attrs.asdict(finding), "holds": finding.holds} for finding in self.findings]
        return {**attrs.asdict(self), "findings": findings}


@attrs.frozen
class Ratio:
    """A comparison to make: `measure` of the subject over that of the reference, round by round."""

    subject: str
    reference: str
    budget: float | None = None
    measure: str = "cpu_us"


def of(samples: Iterable[Sample], contestant: str) -> tuple[Sample, ...]:
    """The samples of one contestant, by round."""
    return tuple(sorted((s for s in samples if s.contestant == contestant), key=lambda s: s.round))


def middle(samples: tuple[Sample, ...]) -> Sample:
    """One line for many rounds: medians (of the calm ones, if any), and all requests and errors."""
    if not samples:
        raise ValueError("a median needs at least one sample")
    counted = tuple(sample for sample in samples if sample.calm) or samples

    def typical(field: str) -> float:
        return float(median(getattr(sample, field) for sample in counted))

    return Sample(
        contestant=samples[0].contestant,
        round=len(samples),
        cpu_us=typical("cpu_us"),
        per_second=typical("per_second"),
        p50_ms=typical("p50_ms"),
        p99_ms=typical("p99_ms"),
        requests=sum(sample.requests for sample in samples),
        errors=sum(sample.errors for sample in samples),
        others=typical("others"),
    )


def compare(samples: Iterable[Sample], ratio: Ratio) -> Finding | None:
    """The median of the ratios of each calm round, or of all if none was; None where one side was not measured.

    A ratio within a round cancels what slowed the machine in that round; a ratio of two medians would not.
    """
    known = tuple(samples)
    subjects = {sample.round: sample for sample in of(known, ratio.subject)}
    references = {sample.round: sample for sample in of(known, ratio.reference)}
    pairs = [(subjects[number], references[number]) for number in sorted(subjects.keys() & references.keys())]
    if not pairs:
        return None
    calm = [pair for pair in pairs if pair[0].calm and pair[1].calm]
    ratios = [
        getattr(subject, ratio.measure) / getattr(reference, ratio.measure) for subject, reference in calm or pairs
    ]
    what = f"{ratio.subject} / {ratio.reference}"
    if ratio.measure != "cpu_us":
        what += f" ({ratio.measure})"
    return Finding(
        what, median(ratios), "x", ratio.budget, min(ratios), max(ratios), rounds=len(pairs), calm_rounds=len(calm)
    )


def error_findings(samples: Iterable[Sample]) -> tuple[Finding, ...]:
    """A broken budget for every contestant that gave errors: figures of failing requests prove nothing."""
    known = tuple(samples)
    totals = {name: sum(sample.errors for sample in of(known, name)) for name in {s.contestant for s in known}}
    return tuple(Finding(f"failed requests of {name}", total, "", 0) for name, total in sorted(totals.items()) if total)
