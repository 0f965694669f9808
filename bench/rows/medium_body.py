"""Answers of 64 KiB."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """The required peers."""
    service = Service(stage.backend.medium)
    load = Load((request(PATH),))
    return tuple(Contestant(name, name, service, load) for name in ("nginx", "envoy", "apim", "haproxy"))


ROW = Comparison(
    "64k",
    "plain proxy, answers of 64 KiB",
    contestants,
    (Ratio("apim", "nginx"), Ratio("apim", "envoy"), Ratio("apim", "haproxy")),
)
