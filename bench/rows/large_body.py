"""Bodies of 1 GiB in either direction, past a reader that pauses: how much a gateway holds meanwhile."""

from collections.abc import Callable

import attrs

from bench.backend import LARGE_BYTES
from bench.cpu import cpu_seconds
from bench.load import Load
from bench.memory import forget_peak, memory
from bench.process import DidNotStart, Running
from bench.report import Finding, RowReport
from bench.requests import request
from bench.service import CONTEXT, PATH, Service
from bench.stage import Contestant, Stage
from bench.streaming import Transfer, download, sink, upload

MEBIBYTE = 1 << 20
BUDGET_MEBIBYTES = 64.0
UPLOAD_HEAD = request(f"{CONTEXT}/items", method="POST", headers=(("Content-Length", str(LARGE_BYTES)),))


@attrs.frozen
class LargeBody:
    """A single transfer each; memory is not a matter of chance, so once is enough."""

    name: str = "1g"
    title: str = "bodies of 1 GiB, the reader pausing for a second"

    def run(self, stage: Stage) -> RowReport:
        """Both directions through every peer that is there."""
        peers = tuple(peer for peer in ("nginx", "envoy", "apim") if stage.has(peer) and stage.wants(peer))
        found: list[Finding] = []
        failures: list[str] = []
        for peer in peers:
            for direction in (_down, _up):
                try:
                    found += direction(stage, peer)
                except (DidNotStart, OSError) as error:
                    failures.append(f"{peer}, {direction.__name__.strip('_')}: {error}")
        return RowReport(self.name, self.title, findings=tuple(found), failures=tuple(failures))


def _down(stage: Stage, peer: str) -> tuple[Finding, ...]:
    load = Load((request(f"{CONTEXT}/items"),))
    contestant = Contestant(peer, peer, Service(stage.backend.large), load)
    with stage.running(contestant) as gateway:
        return weigh(peer, "down", gateway, lambda: download(gateway.port, request(PATH)))


def _up(stage: Stage, peer: str) -> tuple[Finding, ...]:
    load = Load((request(PATH),))
    with sink() as backend, stage.running(Contestant(peer, peer, Service(backend.port), load)) as gateway:
        return weigh(peer, "up", gateway, lambda: arrived(backend.received, gateway.port))


def arrived(received: list[int], port: int) -> Transfer:
    """Upload, and count what the backend saw rather than what was sent."""
    transfer = upload(port, UPLOAD_HEAD, LARGE_BYTES)
    return attrs.evolve(transfer, body_bytes=received[-1])


def weigh(peer: str, direction: str, gateway: Running, transfer: Callable[[], Transfer]) -> tuple[Finding, ...]:
    """Peak memory above what was resident before, and what the transfer cost; lost bytes break a budget."""
    idle = memory(gateway.process_id).resident
    forget_peak(gateway.process_id)
    before = cpu_seconds(gateway.process_id)
    done = transfer()
    used = cpu_seconds(gateway.process_id) - before
    peak = memory(gateway.process_id).peak
    above = max(0.0, (peak - idle) / MEBIBYTE)
    lost = abs(LARGE_BYTES - done.body_bytes) + (done.status != 200)
    budget = BUDGET_MEBIBYTES if peer == "apim" else None
    return (
        Finding(f"{peer}, {direction}: peak memory above idle", above, "MiB", budget),
        Finding(f"{peer}, {direction}: CPU time", used, "s"),
        Finding(f"{peer}, {direction}: whole transfer", done.seconds, "s"),
        *((Finding(f"{peer}, {direction}: bytes lost", lost, "", 0),) if lost else ()),
    )


ROW = LargeBody()
