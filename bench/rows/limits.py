"""Limits on top of plain proxy: one of an address beside those of peers, and four at once."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Our gateway without, with one and with four; two peers with the one that they have."""
    load = Load((request(PATH),))
    plain = Service(stage.backend.small)
    one, four = Service(stage.backend.small, limits=1), Service(stage.backend.small, limits=4)
    return (
        Contestant("apim, plain", "apim", plain, load),
        Contestant("apim, one limit", "apim", one, load),
        Contestant("apim, four limits", "apim", four, load),
        Contestant("nginx, limit_req", "nginx", one, load),
        Contestant("envoy, local_ratelimit", "envoy", one, load),
    )


ROW = Comparison(
    "limits",
    "limits in memory that are never reached, on top of plain proxy",
    contestants,
    (
        Ratio("apim, one limit", "apim, plain"),
        Ratio("apim, four limits", "apim, plain"),
        Ratio("apim, one limit", "nginx, limit_req"),
        Ratio("apim, one limit", "envoy, local_ratelimit"),
        Ratio("apim, four limits", "envoy, local_ratelimit"),
    ),
    ("Envoy has one bucket for all, nginx and our first limit one an address; the budget is that of `bench.limits`",),
)
