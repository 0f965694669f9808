"""The guide to the authorization server does what it says."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import encode_basic_auth
from support.gateway import run, serving

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "authorization-server.md"
EXAMPLES = [
    example.replace("${env:SHOP_KEY}", "the key of the shop").replace(
        "listen:", "management: {enabled: false}\nlisten:"
    )
    for example in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
]
SHOP = {"Authorization": encode_basic_auth("shop", "the key of the shop")}


def test_the_first_example_issues_tokens_for_its_api(tmp_path: Path) -> None:
    text = EXAMPLES[0].replace('{http: {url: "http://127.0.0.1:9000"}}', "{mock: {}}")

    async def check() -> None:
        async with serving(text, tmp_path) as served:
            answer = await served.call("POST", "/oauth2/token", headers=SHOP, data={"grant_type": "client_credentials"})
            token = answer.json["access_token"]
            assert 200 == (await served.get("/orders/1", Authorization=f"Bearer {token}")).status
            assert 401 == (await served.get("/orders/1")).status

    run(check)


def test_the_second_example_serves_what_stands_at_the_root(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(EXAMPLES[1], tmp_path) as served:
            metadata = await served.get("/.well-known/oauth-authorization-server/oauth2")
            assert "http://127.0.0.1:8080/oauth2" == metadata.json["issuer"]
            registered = await served.call("POST", "/client-registration/v0.17/register", json={"clientName": "x"})
            assert 401 == registered.status

    run(check)


def test_the_third_example_knows_its_grants(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "' + "A" * 43 + '"}]}')

    async def check() -> None:
        async with serving(EXAMPLES[2], tmp_path) as served:
            metadata = (await served.get("/oauth2/.well-known/openid-configuration")).json
            assert {"orders.read", "orders.write"} <= set(metadata["scopes_supported"])
            assert (7, False) == (
                len(metadata["grant_types_supported"]) + 1,
                "password" in metadata["grant_types_supported"],
            )

    run(check)
