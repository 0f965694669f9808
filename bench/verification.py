"""What it costs to verify a token that was never seen: `python -m bench.verification`.

The `jwt` authenticator judges distinct tokens in this process, without a network; beside it stands the bare check of
the signature by the library. The figure that was least in several rounds counts.
"""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from json import dumps
from typing import Any

from apim_auth.jwt import JWT
from apim_sdk import Credential, KeyManager, Secret
from apim_sdk.testing import FakeContext, FakeKeyManager, build, make_exchange, started
from joserfc import jwk, jws

from bench.tokens import ISSUER, claims

KINDS: tuple[tuple[str, str, Any], ...] = (
    ("RS256", "RSA", 2048),
    ("ES256", "EC", "P-256"),
    ("EdDSA", "OKP", "Ed25519"),
)
TOKENS = 200
ROUNDS = 5


def main() -> None:
    """Print a line a kind of signature."""
    print(f"{'':8}{'cold judge us':>16}{'bare signature us':>20}{'known token us':>17}")
    for algorithm, kind, size in KINDS:
        cold, bare, known = asyncio.run(_measured(algorithm, jwk.generate_key(kind, size, {"kid": "k"})))
        print(f"{algorithm:8}{cold:16.1f}{bare:20.1f}{known:17.2f}")


async def _measured(algorithm: str, key: Any) -> tuple[float, float, float]:
    model = jws.JWSRegistry.algorithms[algorithm]
    now = time.time()
    tokens = [_signed(model, algorithm, key, claims(number, now)) for number in range(TOKENS)]
    inputs = [
        (token.rpartition(".")[0].encode(), model.sign(token.rpartition(".")[0].encode(), key)) for token in tokens
    ]
    public = type(key).import_key(key.as_dict(private=False))
    bare = _least(lambda: [model.verify(text, signature, public) for text, signature in inputs])
    manager: KeyManager = FakeKeyManager(key.as_dict(private=False), issuer=ISSUER)
    exchanges = [make_exchange(headers={"Authorization": f"Bearer {token}"}) for token in tokens]
    credentials = [Credential("bearer", Secret(token)) for token in tokens]
    context = FakeContext(key_managers={"main": manager})
    context.clock.advance(now - context.clock.now())
    async with started(build(JWT, {"key_manager": "main", "cache_tokens": 0}), context) as plugin:
        cold = _least(lambda: [plugin.judge(each, exchanges[0]) for each in credentials])
    async with started(build(JWT, {"key_manager": "main"}), context) as plugin:
        for each in credentials:
            plugin.judge(each, exchanges[0])
        known = _least(lambda: [plugin.recognise(each) for each in exchanges])
    return cold, bare, known


def _signed(model: Any, algorithm: str, key: Any, content: dict[str, Any]) -> str:
    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    text = f"{part(dumps({'alg': algorithm, 'kid': 'k', 'typ': 'at+jwt'}).encode())}.{part(dumps(content).encode())}"
    return f"{text}.{part(model.sign(text.encode(), key))}"


def _least(work: Callable[[], object]) -> float:
    """Microseconds a token, of the best round."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds) / TOKENS * 1e6


if __name__ == "__main__":
    main()
