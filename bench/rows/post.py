"""Requests with a body of 4 KiB, which the backend reads before it answers."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import CONTEXT, Service
from bench.stage import Contestant, Stage

BODY = b'{"orders":[' + b'{"sku":"A-1","count":2,"note":"leave it at the door"},' * 75 + b"{}]}"


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """The required peers."""
    service = Service(stage.backend.swallow)
    load = Load((request(f"{CONTEXT}/items", method="POST", body=BODY),))
    return tuple(Contestant(name, name, service, load) for name in ("nginx", "envoy", "apim", "haproxy"))


ROW = Comparison(
    "post",
    f"plain proxy, POST of {len(BODY):,} bytes",
    contestants,
    (Ratio("apim", "nginx"), Ratio("apim", "envoy"), Ratio("apim", "haproxy")),
)
