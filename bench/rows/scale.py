"""One API against ten thousand with five operations each: time a request, start time, memory."""

import contextlib

import attrs

from bench.comparison import Entrant, findings, interleave
from bench.cpu import cpu_seconds
from bench.load import Load
from bench.memory import memory
from bench.peers.apim import OPERATIONS, context
from bench.process import DidNotStart, Running
from bench.report import Finding, Ratio, RowReport, error_findings
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage

ONE = "one API"
MANY = "many APIs, one called"
SPREAD = "many APIs, all called"


@attrs.frozen
class Scale:
    """Two gateways; the large one is called in two ways."""

    name: str = "scale"
    title: str = "1 API against 10,000 APIs, five operations each"

    def run(self, stage: Stage) -> RowReport:
        """Start both, weigh both, then measure in interleaved rounds."""
        count = stage.settings.large_apis
        title = f"1 API against {count:,} APIs, five operations each"
        if not stage.has("apim"):
            return RowReport(self.name, title, failures=(stage.tools.absent["apim"],))
        with contextlib.ExitStack() as stack:
            try:
                small, large = (
                    stack.enter_context(stage.running(contestant)) for contestant in _contestants(stage, count)
                )
            except DidNotStart as error:
                return RowReport(self.name, title, failures=(str(error),))
            return _measured(self.name, title, stage, small, large)


def _contestants(stage: Stage, count: int) -> tuple[Contestant, Contestant]:
    load = Load((request(PATH),))
    small = Service(stage.backend.small)
    return (
        Contestant(ONE, "apim", small, load),
        Contestant(MANY, "apim", attrs.evolve(small, apis=count), load),
    )


def _measured(name: str, title: str, stage: Stage, small: Running, large: Running) -> RowReport:
    count = stage.settings.large_apis
    processor = cpu_seconds(large.process_id)
    at_rest = weigh(small, large, count, "before any call")
    one, many = _contestants(stage, count)
    everywhere = Load(tuple(request(f"{context(number)}/items/4711") for number in range(count)))
    spread = attrs.evolve(many, name=SPREAD, load=everywhere)
    entrants = tuple(
        Entrant(contestant, gateway, contestant.load.write(stage.folder / f"scale-{index}"))
        for index, (contestant, gateway) in enumerate(((one, small), (many, large), (spread, large)))
    )
    samples = interleave(stage, entrants)
    used = attrs.evolve(weigh(small, large, count, "after calls to all APIs"), budget=None)
    return RowReport(
        name,
        title,
        samples,
        (
            *error_findings(samples),
            *findings(samples, (Ratio(MANY, ONE, 1.05), Ratio(SPREAD, ONE))),
            Finding("start with many APIs, YAML included", large.start_seconds, "s", 10.0),
            Finding("processor time of that start", processor, "s"),
            Finding("start with one API", small.start_seconds, "s"),
            at_rest,
            used,
        ),
    )


def weigh(small: Running, large: Running, count: int, when: str) -> Finding:
    """Memory that each further operation takes, from what is resident in both gateways."""
    more = memory(large.process_id).resident - memory(small.process_id).resident
    operations = (count - 1) * len(OPERATIONS)
    return Finding(f"memory an operation, {when}", more / operations / 1024, "KiB", 4.0)


ROW = Scale()
