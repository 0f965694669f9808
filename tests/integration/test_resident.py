"""The gateway as its own authorization server: tokens are got over HTTP, and let calls through the same gateway."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path
from typing import Any

from aiohttp import encode_basic_auth
from support.gateway import Served, run, serving

GATEWAY = """
management: {enabled: false}
stores: {main: {sqlite: {path: apim.db}}}
key_managers:
  resident:
    resident:
      issuer: http://127.0.0.1:8080/oauth2
      store: main
      scopes: {orders.read: {}, orders.write: {}}
      clients:
        shop: {secret: "shop secret", scopes: [orders.read]}
        desk: {secret: "desk secret", introspects: true}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {authorization-server: {key_manager: resident}}
    plans: [{name: public, authentication: {keyless: {}}}]
    operations: [{match: "* /*"}]
  - name: orders
    context: /orders
    endpoint: {mock: {body: '{"orders": []}'}}
    plans: [{name: gold, authentication: {jwt: {key_manager: resident, types: [at+jwt]}}}]
    operations: [{match: GET /all, scopes: [orders.read]}, {match: POST /all, scopes: [orders.write]}]
applications:
  - name: shop
    keys: [{client_id: shop}]
    subscriptions: [{api: orders, plan: gold}]
"""
SHOP = {"Authorization": encode_basic_auth("shop", "shop secret")}
DESK = {"Authorization": encode_basic_auth("desk", "desk secret")}


async def token(served: Served, **parameters: str) -> dict[str, Any]:
    answer = await served.call(
        "POST", "/oauth2/token", headers=SHOP, data={"grant_type": "client_credentials", **parameters}
    )
    assert 200 == answer.status, answer.body
    return answer.json


def test_a_client_calls_an_api_with_a_token_that_the_gateway_issued(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            got = await token(served)
            answer = await served.get("/orders/all", Authorization=f"Bearer {got['access_token']}")
            refused = await served.call(
                "POST", "/orders/all", headers={"Authorization": f"Bearer {got['access_token']}"}
            )

            assert ("Bearer", 3600, "orders.read") == (got["token_type"], got["expires_in"], got["scope"])
            assert (200, {"orders": []}) == (answer.status, answer.json)
            assert 403 == refused.status

    run(check)


def test_a_revoked_token_is_not_active(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            held = (await token(served))["access_token"]
            before = (await served.call("POST", "/oauth2/introspect", headers=DESK, data={"token": held})).json
            revoked = await served.call("POST", "/oauth2/revoke", headers=SHOP, data={"token": held})
            after = (await served.call("POST", "/oauth2/introspect", headers=DESK, data={"token": held})).json

            assert (True, "shop", "orders.read") == (before["active"], before["client_id"], before["scope"])
            assert (200, b"") == (revoked.status, revoked.body)
            assert {"active": False} == after

    run(check)


def test_the_metadata_leads_to_the_keys(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            metadata = (await served.get("/oauth2/.well-known/openid-configuration")).json
            path = metadata["jwks_uri"].removeprefix("http://127.0.0.1:8080")
            keys = (await served.get(path)).json["keys"]

            assert "http://127.0.0.1:8080/oauth2" == metadata["issuer"]
            assert [("RSA", "RS256", "sig")] == [(key["kty"], key["alg"], key["use"]) for key in keys]
            assert {"kty", "n", "e", "use", "alg", "kid"} == set(keys[0])

    run(check)


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            held = (await token(served))["access_token"]
        async with serving(GATEWAY, tmp_path) as served:
            answer = await served.get("/orders/all", Authorization=f"Bearer {held}")

            assert 200 == answer.status

    run(check)


def test_tokens_outlive_a_reload(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            held = (await token(served))["access_token"]
            await served.reload(textwrap.dedent(GATEWAY).replace("orders.write: {}", "orders.write: {}, more: {}"))
            answer = await served.get("/orders/all", Authorization=f"Bearer {held}")
            again = await token(served)

            assert 200 == answer.status
            assert held != again["access_token"]

    run(check)


def test_a_revoked_token_lets_no_more_calls_through(tmp_path: Path) -> None:
    async def check() -> None:
        text = f"{GATEWAY}access: {{store: main}}\n"
        async with serving(text, tmp_path) as served:
            held = (await token(served))["access_token"]
            bearer = {"Authorization": f"Bearer {held}"}
            assert 200 == (await served.call("GET", "/orders/all", headers=bearer)).status
            await served.call("POST", "/oauth2/revoke", headers=SHOP, data={"token": held})

            deadline = asyncio.get_running_loop().time() + 2
            while (status := (await served.call("GET", "/orders/all", headers=bearer)).status) == 200:
                assert asyncio.get_running_loop().time() < deadline
            assert 401 == status
            other = {"Authorization": f"Bearer {(await token(served))['access_token']}"}
            assert 200 == (await served.call("GET", "/orders/all", headers=other)).status

    run(check)
