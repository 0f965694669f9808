"""The gateway's public keys can be fetched."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from apim_auth.jwks import JWKS
from apim_sdk import Response
from apim_sdk.testing import build, make_exchange, started
from joserfc import jwk


def answered(settings: dict[str, Any]) -> Response:
    async def scenario() -> Response:
        async with started(build(JWKS, settings)) as endpoint:
            return await endpoint.send(make_exchange())

    return asyncio.run(scenario())


def content(response: Response) -> Any:
    return json.loads(asyncio.run(response.body.read()))


def test_every_key_is_published_without_its_private_half(tmp_path: Path) -> None:
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).write_bytes(jwk.generate_key("EC", "P-256").as_pem(private=True))
    keys = content(answered({"keys": [str(tmp_path / "a.pem"), str(tmp_path / "b.pem")]}))["keys"]
    assert [{"crv", "x", "y", "kty", "kid", "use", "alg"}] * 2 == [key.keys() for key in keys]
    assert 2 == len({key["kid"] for key in keys})


def test_the_answer_says_how_long_it_is_good() -> None:
    headers = answered({"max_age": "2m"}).headers
    assert ("public, max-age=120", "application/jwk-set+json") == (headers["Cache-Control"], headers["Content-Type"])
