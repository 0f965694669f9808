"""Reload under load: no request may fail, and latency may rise only so far."""

import contextlib
import subprocess
import time
from statistics import median

import attrs

from bench.comparison import Entrant, enter, timed_run, warm_up
from bench.load import Load
from bench.process import DidNotStart, Running
from bench.reloading import ReloadLost, reload
from bench.report import Finding, Ratio, RowReport, Sample, compare, of
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage

QUIET = "without reload"
RELOADING = "with reload"
INTERVAL_SECONDS = 0.5


@attrs.define
class Reloads:
    """Reloads of one gateway; `seconds` grows by one for each, and with it the generation."""

    gateway: Running
    probe: bytes
    seconds: list[float]

    def until_end_of(self, load: "subprocess.Popen[str]") -> None:
        """Reload again and again while the load runs."""
        while load.poll() is None:
            self.seconds.append(reload(self.gateway, len(self.seconds) + 2, self.probe))
            time.sleep(INTERVAL_SECONDS)


@attrs.frozen
class ReloadUnderLoad:
    """One gateway; rounds with and without reloads take turns."""

    name: str = "reload"
    title: str = f"a reload every {INTERVAL_SECONDS} s under load"

    def run(self, stage: Stage) -> RowReport:
        """Alternate, and compare p99."""
        if not stage.has("apim"):
            return RowReport(self.name, self.title, failures=(stage.tools.absent["apim"],))
        load = Load((request(PATH),))
        contestant = Contestant(QUIET, "apim", Service(stage.backend.small, generation=1), load)
        try:
            with contextlib.ExitStack() as stack:
                quiet = enter(stage, contestant, stack)
                return self._measured(stage, quiet, Reloads(quiet.gateway, load.requests[0], []))
        except (DidNotStart, ReloadLost, OSError, ValueError) as error:
            return RowReport(self.name, self.title, failures=(str(error),))

    def _measured(self, stage: Stage, quiet: Entrant, reloads: Reloads) -> RowReport:
        warm_up(stage, quiet)
        busy = attrs.evolve(quiet, contestant=attrs.evolve(quiet.contestant, name=RELOADING))
        samples: list[Sample] = []
        for number in range(stage.settings.rounds):
            samples.append(timed_run(stage, quiet, number))
            samples.append(timed_run(stage, busy, number, reloads.until_end_of))
        return RowReport(self.name, self.title, tuple(samples), findings(tuple(samples), reloads.seconds))


def findings(samples: tuple[Sample, ...], seconds: list[float]) -> tuple[Finding, ...]:
    """Failures, the ratio of p99, and how soon a reload takes effect."""
    ratio = compare(samples, Ratio(RELOADING, QUIET, 3.0, "p99_ms"))
    failed = {name: sum(sample.errors for sample in of(samples, name)) for name in (QUIET, RELOADING)}
    return (
        *(Finding(f"failed requests, {name}", count, "", 0) for name, count in failed.items()),
        *((ratio,) if ratio else ()),
        Finding("reloads", len(seconds), ""),
        Finding("a reload takes effect after", median(seconds), "s", None, min(seconds), max(seconds)),
    )


ROW = ReloadUnderLoad()
