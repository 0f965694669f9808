"""Server-sent events and WebSocket frames: each goes on at once, none waits for the next."""

from statistics import median

import attrs

from bench.load import Load
from bench.process import DidNotStart
from bench.report import Finding, RowReport
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage
from bench.ticker import EVENTS, INTERVAL_SECONDS, Arrival, held_back, listen, ticker

UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
REQUESTS = (("server-sent event", request(PATH), 200), ("WebSocket frame", request(PATH, headers=UPGRADE), 101))
"""What is sent, the request for it, and the status that announces it."""


@attrs.frozen
class Events:
    """Without the gateway first, to know what the machine itself adds."""

    name: str = "events"
    title: str = f"{EVENTS} events, one every {INTERVAL_SECONDS * 1000:.0f} ms"

    def run(self, stage: Stage) -> RowReport:
        """Listen directly, then through the gateway."""
        if not stage.has("apim"):
            return RowReport(self.name, self.title, failures=(stage.tools.absent["apim"],))
        findings: list[Finding] = []
        try:
            with ticker() as port:
                findings += _findings("direct", port, budget=None)
                contestant = Contestant("apim", "apim", Service(port), Load((REQUESTS[0][1],)))
                with stage.running(contestant) as gateway:
                    findings += _findings("apim", gateway.port, budget=0)
        except (DidNotStart, OSError) as error:
            return RowReport(self.name, self.title, findings=tuple(findings), failures=(str(error),))
        return RowReport(self.name, self.title, findings=tuple(findings))


def _findings(way: str, port: int, budget: float | None) -> list[Finding]:
    return [
        finding
        for kind, head, status in REQUESTS
        for finding in judge(f"{way}, {kind}", listen(port, head, status), budget)
    ]


def judge(what: str, arrivals: tuple[Arrival, ...], budget: float | None) -> tuple[Finding, ...]:
    """Lost and held-back events, and how long one takes."""
    lost = Finding(f"{what}: lost", EVENTS - len(arrivals), "", budget)
    if not arrivals:
        return (lost,)
    delays = [arrival.delay_ms for arrival in arrivals]
    return (
        lost,
        Finding(f"{what}: held back", held_back(arrivals), "", budget),
        Finding(f"{what}: delay", median(delays), "ms", None, min(delays), max(delays)),
    )


ROW = Events()
