"""What a row asks of a gateway; every peer turns it into a configuration of its own."""

import attrs

from bench.certificate import Certificate
from bench.tokens import Tokens

CONTEXT = "/orders/1.0"
PATH = f"{CONTEXT}/items/4711"
"""What clients call; matches the operation `GET /items/{id}` of the API."""

REQUEST_HEADERS_SET = tuple((f"X-Gateway-Request-{number}", f"value-{number}") for number in range(4))
REQUEST_HEADER_REMOVED = "X-Request-ID"
RESPONSE_HEADERS_SET = tuple((f"X-Gateway-Response-{number}", f"value-{number}") for number in range(4))
RESPONSE_HEADER_REMOVED = "Server"
"""Ten header policies: four set and one removed, in either direction."""

API_KEY_HEADER = "X-API-Key"
GENERATION_HEADER = "X-Generation"


@attrs.frozen
class Service:
    """One API in front of a backend, with what the row adds to it. A plain proxy where nothing is added."""

    backend_port: int
    certificate: Certificate | None = None
    """Listen with TLS."""
    tokens: Tokens | None = None
    """Require a signed token with a scope and a subscription, apply limits, write a JSON record a request."""
    api_keys: tuple[str, ...] = ()
    """Require one of these keys."""
    only_authenticate: bool = False
    """With `tokens`: no scope, no limits, no record."""
    introspection_port: int = 0
    """Require an opaque token, and ask there what it is good for."""
    users: tuple[tuple[str, str], ...] = ()
    """Require name and password of one of these users, by name and Argon2id hash."""
    header_policies: bool = False
    """Apply the ten header policies."""
    cached: bool = False
    """Answer from a cache."""
    limits: int = 0
    """How many limits there are, none of which is ever reached; the first counts by the client's address."""
    apis: int = 1
    """How many APIs of five operations there are; the first is the one that `PATH` calls."""
    generation: int = 0
    """Above 0: add it to every answer as the header `GENERATION_HEADER`, so that a reload can be seen."""


@attrs.frozen
class Unsupported(Exception):
    """A row asks a peer for something that the harness has no configuration for."""

    peer: str
    wish: str

    def __str__(self) -> str:
        return f"bench/peers/{self.peer}.py has no configuration for {self.wish}; leave {self.peer} out of the row"


def refuse(peer: str, service: Service, *supported: str) -> None:
    """Raise `Unsupported` for anything beyond a plain proxy that is set and not among `supported`."""
    plain = Service(service.backend_port)
    for field in attrs.fields(Service):
        if field.name not in supported and getattr(service, field.name) != getattr(plain, field.name):
            raise Unsupported(peer, field.name)
