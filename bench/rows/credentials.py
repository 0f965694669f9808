"""What each kind of credential costs, once it is known: nothing else is asked of the gateway."""

import secrets
from base64 import b64encode

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from bench.comparison import Comparison
from bench.load import Load
from bench.report import Ratio
from bench.requests import request
from bench.rows.api_key import KEYS
from bench.rows.secured import CACHE
from bench.service import API_KEY_HEADER, PATH, Service
from bench.stage import Contestant, Stage
from bench.tokens import tokens_for

USERS = 20
"""Each costs a slow hash at the first of its requests."""
MANY = 100_000


def contestants(stage: Stage) -> tuple[Contestant, ...]:
    """One gateway a kind."""
    port = stage.backend.small

    def bearer(count: int) -> Contestant:
        tokens = tokens_for(count, CACHE)
        load = Load(tuple(_with("Authorization", f"Bearer {token}") for token in tokens.tokens))
        service = Service(port, tokens=tokens, only_authenticate=True)
        return Contestant(f"JWT, {count:,}", "apim", service, load)

    keys = Load(tuple(_with(API_KEY_HEADER, key) for key in KEYS))
    opaque = Load(tuple(_with("Authorization", f"Bearer {secrets.token_urlsafe(32)}") for _ in range(1000)))
    users, passwords = _users()
    return (
        bearer(1000),
        bearer(MANY),
        Contestant("API key, 1,000", "apim", Service(port, api_keys=KEYS), keys),
        Contestant("opaque, 1,000", "apim", Service(port, introspection_port=stage.backend.introspect), opaque),
        Contestant(f"basic, {USERS}", "apim", Service(port, users=users), passwords),
    )


def _with(name: str, value: str) -> bytes:
    return request(PATH, headers=((name, value),))


def _users() -> tuple[tuple[tuple[str, str], ...], Load]:
    named = tuple((f"user-{number}", secrets.token_urlsafe(12)) for number in range(USERS))
    users = tuple((name, _hash(password)) for name, password in named)
    encoded = (b64encode(f"{name}:{password}".encode()).decode() for name, password in named)
    return users, Load(tuple(_with("Authorization", f"Basic {each}") for each in encoded))


def _hash(password: str) -> str:
    """Of the cost that RFC 9106, section 4, recommends second."""
    hasher = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=3, lanes=4, memory_cost=64 * 1024)
    return hasher.derive_phc_encoded(password.encode())


ROW = Comparison(
    "credentials",
    "kinds of credentials, all of them known",
    contestants,
    (
        Ratio("API key, 1,000", "JWT, 1,000", 1.0),
        Ratio(f"JWT, {MANY:,}", "JWT, 1,000"),
        Ratio("opaque, 1,000", "JWT, 1,000"),
        Ratio("API key, 1,000", f"basic, {USERS}", 2.0, "per_second"),
    ),
    ("basic checks Argon2id hashes (64 MiB, three passes); each is checked once, and then remembered",),
)
