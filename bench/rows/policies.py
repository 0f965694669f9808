"""Ten header policies on top of plain proxy: four set and one removed in either direction."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Our gateway with and without; two peers with, for a sense of scale."""
    load = Load((request(PATH),))
    plain = Service(stage.backend.small)
    ten = Service(stage.backend.small, header_policies=True)
    return (
        Contestant("apim, plain", "apim", plain, load),
        Contestant("apim, ten policies", "apim", ten, load),
        Contestant("nginx, ten headers", "nginx", ten, load),
        Contestant("envoy, ten headers", "envoy", ten, load),
    )


ROW = Comparison(
    "policies",
    "ten header policies on top of plain proxy",
    contestants,
    (
        Ratio("apim, ten policies", "apim, plain", 1.2),
        Ratio("apim, ten policies", "nginx, ten headers"),
        Ratio("apim, ten policies", "envoy, ten headers"),
    ),
)
