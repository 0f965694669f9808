"""An API key, one of a thousand, and the subscription of its application."""

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.service import API_KEY_HEADER, PATH, Service
from bench.stage import Contestant, Stage

KEYS = tuple(f"key-{number:04d}-6f1c9c1f4b7d4a38a8f2" for number in range(1000))


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """Envoy's api_key_auth, and our gateway with and without."""
    keyed = Service(stage.backend.small, api_keys=KEYS)
    load = Load(tuple(request(PATH, headers=((API_KEY_HEADER, key),)) for key in KEYS))
    return (
        Contestant("apim, plain", "apim", Service(stage.backend.small), load),
        Contestant("apim, API key", "apim", keyed, load),
        Contestant("envoy, API key", "envoy", keyed, load),
    )


ROW = Comparison(
    "api-key",
    "API key of a thousand, with application and subscription",
    contestants,
    (Ratio("apim, API key", "apim, plain"), Ratio("apim, API key", "envoy, API key")),
)
