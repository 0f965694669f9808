"""An answer from the cache, beside the same request to the backend."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Our gateway with and without; nginx with and without, for a sense of scale."""
    load = Load((request(PATH),))
    plain = Service(stage.backend.small)
    cached = Service(stage.backend.small, cached=True)
    return (
        Contestant("apim, plain", "apim", plain, load),
        Contestant("apim, hit", "apim", cached, load),
        Contestant("nginx, plain", "nginx", plain, load),
        Contestant("nginx, hit", "nginx", cached, load),
    )


ROW = Comparison(
    "cache",
    "answer from the cache, 120 bytes",
    contestants,
    (
        Ratio("apim, hit", "apim, plain", 0.6),
        Ratio("nginx, hit", "nginx, plain"),
        Ratio("apim, hit", "nginx, hit"),
    ),
)
