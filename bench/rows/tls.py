"""A TLS listener: what encryption adds on connections that are kept."""

from bench.certificate import make_certificate
from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """The required peers, with the same P-256 certificate."""
    service = Service(stage.backend.small, certificate=make_certificate(stage.folder))
    load = Load((request(PATH),), tls=True)
    return tuple(Contestant(name, name, service, load) for name in ("nginx", "envoy", "apim", "haproxy"))


ROW = Comparison(
    "tls",
    "plain proxy, TLS to the client, small body",
    contestants,
    (Ratio("apim", "nginx"), Ratio("apim", "envoy"), Ratio("apim", "haproxy")),
)
