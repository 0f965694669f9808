"""Thousands of reloads, one after the other: memory stays where it was."""

from itertools import pairwise

import attrs

from bench.load import Load
from bench.memory import memory
from bench.process import DidNotStart, Running
from bench.reloading import ReloadLost, reload
from bench.report import Finding, RowReport
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage

MEBIBYTE = 1 << 20
BUDGET_MEBIBYTES = 4.0
STEPS = 10


@attrs.frozen
class ManyReloads:
    """Each reload is seen to take effect before the next, so that none is skipped."""

    name: str = "reloads"
    title: str = "memory over many reloads (long)"

    def run(self, stage: Stage) -> RowReport:
        """Reload, and weigh the gateway at every tenth of the way."""
        if not stage.has("apim"):
            return RowReport(self.name, self.title, failures=(stage.tools.absent["apim"],))
        load = Load((request(PATH),))
        service = Service(stage.backend.small, generation=1)
        title = f"memory over {stage.settings.reloads:,} reloads"
        try:
            with stage.running(Contestant("apim", "apim", service, load)) as gateway:
                weights = weigh(gateway, stage.settings.reloads, load.requests[0])
        except (DidNotStart, ReloadLost, OSError, ValueError) as error:
            return RowReport(self.name, title, failures=(str(error),))
        return RowReport(self.name, title, findings=findings(weights))


def weigh(gateway: Running, count: int, probe: bytes) -> tuple[tuple[int, int], ...]:
    """(reloads so far, bytes resident), from the start to the end."""
    weights = [(0, memory(gateway.process_id).resident)]
    each = max(1, count // STEPS)
    for number in range(1, count + 1):
        reload(gateway, number + 1, probe)
        if number % each == 0:
            weights.append((number, memory(gateway.process_id).resident))
    return tuple(weights)


def findings(weights: tuple[tuple[int, int], ...]) -> tuple[Finding, ...]:
    """Growth after the first tenth, in which caches and the allocator settle; then each step for the curious."""
    settled, last = weights[1], weights[-1]
    growth = (last[1] - settled[1]) / MEBIBYTE
    steps = (
        Finding(f"resident after {after[0]:,} reloads", after[1] / MEBIBYTE, "MiB") for _, after in pairwise(weights)
    )
    what = f"growth from reload {settled[0]:,} to reload {last[0]:,}"
    return (Finding(what, growth, "MiB", BUDGET_MEBIBYTES), *steps)


ROW = ManyReloads()
