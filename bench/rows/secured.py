"""A secured API: signed tokens, a scope, a subscription, four limits and a JSON record a request."""

from pathlib import Path

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import PATH, Service
from bench.stage import Contestant, Stage
from bench.tokens import tokens_for

CACHE = Path(__file__).parent.parent / ".cache"


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Envoy with its own filters for the same, and our gateway."""
    tokens = tokens_for(stage.settings.tokens, CACHE)
    service = Service(stage.backend.small, tokens=tokens)
    load = Load(tuple(request(PATH, headers=(("Authorization", f"Bearer {token}"),)) for token in tokens.tokens))
    return tuple(Contestant(name, name, service, load) for name in ("envoy", "apim"))


ROW = Comparison(
    "secured",
    "JWT RS256, scope, subscription, limits at API, application, subscription and user, JSON record",
    contestants,
    (Ratio("apim", "envoy", 0.8),),
    ("Envoy runs jwt_authn with its token cache, one local_ratelimit bucket and a JSON access log, no scope check",),
)
