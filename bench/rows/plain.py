"""Plain proxy: a GET with eight typical headers, a JSON answer of about 120 bytes."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Everybody."""
    service = Service(stage.backend.small)
    load = Load((request(PATH),))
    names = ("nginx", "envoy", "apim", "haproxy", "traefik", "caddy")
    return tuple(Contestant(name, name, service, load) for name in names)


ROW = Comparison(
    "plain",
    "plain proxy, small body",
    contestants,
    (
        Ratio("apim", "nginx", 1.6),
        Ratio("apim", "envoy", 0.6),
        Ratio("apim", "haproxy"),
        Ratio("apim", "traefik"),
        Ratio("apim", "caddy"),
    ),
)
