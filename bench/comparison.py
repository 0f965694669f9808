"""Rows that compare contestants under the same load, in interleaved rounds."""

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs

from bench.cpu import core_time, cpu_seconds, others_share
from bench.load import CAPTURED, figures_of
from bench.process import DidNotStart, Running
from bench.report import Finding, Ratio, RowReport, Sample, compare, error_findings
from bench.stage import Contestant, Stage

LONGEST_WARM_UP_SECONDS = 64


@attrs.frozen
class Entrant:
    """A contestant that runs, with its requests written out for wrk."""

    contestant: Contestant
    gateway: Running
    requests: Path


@attrs.frozen
class Comparison:
    """A row whose figures are those of wrk and of the gateway's CPU clock."""

    name: str
    title: str
    contestants: Callable[[Stage], tuple[Contestant, ...]]
    ratios: tuple[Ratio, ...]
    notes: tuple[str, ...] = ()

    def run(self, stage: Stage) -> RowReport:
        """Start all contestants whose program is there, measure them in turn, and compare."""
        wanted = tuple(one for one in self.contestants(stage) if stage.wants(one.peer))
        present = tuple(contestant for contestant in wanted if stage.has(contestant.peer))
        absent = dict.fromkeys(contestant.peer for contestant in wanted if contestant not in present)
        samples, failures = measure(stage, present)
        return RowReport(
            self.name,
            self.title,
            samples,
            (*error_findings(samples), *findings(samples, self.ratios)),
            (*self.notes, *(f"{peer} is missing: {stage.tools.absent[peer]}" for peer in absent)),
            failures,
        )


def findings(samples: tuple[Sample, ...], ratios: tuple[Ratio, ...]) -> tuple[Finding, ...]:
    """The ratios that can be formed."""
    return tuple(finding for ratio in ratios if (finding := compare(samples, ratio)))


def measure(stage: Stage, contestants: tuple[Contestant, ...]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Start what starts, measure it, and say what did not start."""
    with contextlib.ExitStack() as stack:
        entrants, failures = [], []
        for contestant in contestants:
            try:
                entrants.append(enter(stage, contestant, stack))
            except DidNotStart as error:
                failures.append(str(error))
        return interleave(stage, tuple(entrants)), tuple(failures)


def interleave(stage: Stage, entrants: tuple[Entrant, ...]) -> tuple[Sample, ...]:
    """Run A B C A B C ..., so that whatever disturbs the machine disturbs all alike."""
    for entrant in entrants:
        warm_up(stage, entrant)
    return tuple(timed_run(stage, entrant, number) for number in range(stage.settings.rounds) for entrant in entrants)


def enter(stage: Stage, contestant: Contestant, stack: contextlib.ExitStack) -> Entrant:
    """Start a contestant; the stack ends it."""
    gateway = stack.enter_context(stage.running(contestant))
    requests = contestant.load.write(stage.folder / f"requests-{gateway.port}")
    return Entrant(contestant, gateway, requests)


def warm_up(stage: Stage, entrant: Entrant) -> None:
    """Send every request at least once, so that caches are as full as they get."""
    load = entrant.contestant.load
    seconds = 1
    while seconds <= LONGEST_WARM_UP_SECONDS:
        figures = stage.wrk.run(entrant.gateway.port, entrant.requests, seconds=seconds, tls=load.tls)
        if figures.requests >= len(load.requests):
            return
        seconds *= 2


def timed_run(
    stage: Stage, entrant: Entrant, number: int, meanwhile: Callable[["subprocess.Popen[str]"], None] | None = None
) -> Sample:
    """One run; each round begins elsewhere in the cycle of requests. `meanwhile` gets the wrk that runs."""
    load = entrant.contestant.load
    seconds = stage.settings.seconds
    begin = len(load.requests) * number // stage.settings.rounds
    command = stage.wrk.command(entrant.gateway.port, entrant.requests, seconds=seconds, tls=load.tls, begin=begin)
    stage.wait_for_calm()
    before, core_before = cpu_seconds(entrant.gateway.process_id), core_time(stage.cores.gateway)
    process = subprocess.Popen(command, **CAPTURED)
    try:
        if meanwhile:
            meanwhile(process)
    finally:
        figures = figures_of(command, process, seconds)
    used = cpu_seconds(entrant.gateway.process_id) - before
    spent = core_time(stage.cores.gateway).since(core_before)
    return Sample(
        contestant=entrant.contestant.name,
        round=number,
        cpu_us=used * 1e6 / max(1, figures.requests),
        per_second=figures.per_second,
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
        requests=figures.requests,
        errors=figures.errors,
        others=others_share(spent, used),
    )
