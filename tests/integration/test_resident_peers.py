"""One gateway issues tokens, another trusts it by its metadata alone, as it would trust any other server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import structlog
from aiohttp import encode_basic_auth
from support.gateway import configuration, registry_with, run, serving

from apim_core.gateway import Gateway

ISSUING = """
management: {enabled: false}
stores: {main: {sqlite: {path: apim.db}}}
key_managers:
  resident:
    resident:
      issuer: ISSUER
      store: main
      algorithm: ES256
      scopes: {orders.read: {}}
      clients:
        shop: {secret: shop secret, scopes: [orders.read]}
        gateway: {secret: gateway secret, introspects: true}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {authorization-server: {key_manager: resident}}
    plans: [{name: public, authentication: {keyless: {}}}]
    operations: [{match: "* /*"}]
"""
TRUSTING = """
management: {enabled: false}
egress: {allow: [127.0.0.1/32]}
key_managers:
  other: {oidc: {issuer: ISSUER, credentials: {id: gateway, secret: gateway secret}}}
apis:
  - name: orders
    context: /orders
    endpoint: {mock: {body: "[]"}}
    plans: [{name: signed, authentication: {jwt: {key_manager: other, types: [at+jwt]}}, subscription: none}]
    operations: [{match: GET /all, scopes: [orders.read]}]
  - name: asked
    context: /asked
    endpoint: {mock: {body: "[]"}}
    plans: [{name: asked, authentication: {oauth2: {key_manager: other}}, subscription: none}]
    operations: [{match: GET /all, scopes: [orders.read]}]
"""
SHOP = {"Authorization": encode_basic_auth("shop", "shop secret")}


@contextlib.asynccontextmanager
async def issuing(folder: Path, **settings: str) -> AsyncIterator[tuple[str, Gateway]]:
    """A gateway that issues tokens under its own address; answers the issuer."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    issuer = f"http://127.0.0.1:{listening.getsockname()[1]}/oauth2"
    more = "".join(f"\n      {name}: {value}" for name, value in settings.items())
    text = ISSUING.replace("ISSUER", issuer + more)
    gateway = Gateway(structlog.wrap_logger(None, processors=[_drop]), registry_with())
    await gateway.start(configuration(text, folder), [listening])
    try:
        yield issuer, gateway
    finally:
        await gateway.drain(5)
        await gateway.stop()


def _drop(logger: object, method: str, event: object) -> None:
    raise structlog.DropEvent


async def token(issuer: str) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{issuer}/token", data={"grant_type": "client_credentials"}, headers=SHOP) as answer,
    ):
        got: str = (await answer.json())["access_token"]
        return got


def test_signed_tokens_are_trusted_by_discovery_and_introspection_knows_of_revocation(tmp_path: Path) -> None:
    (tmp_path / "issuing").mkdir()

    async def check() -> None:
        async with (
            issuing(tmp_path / "issuing") as (issuer, _),
            serving(TRUSTING.replace("ISSUER", issuer), tmp_path) as served,
        ):
            bearer = f"Bearer {await token(issuer)}"
            assert [200, 200] == [
                (await served.get(path, Authorization=bearer)).status for path in ("/orders/all", "/asked/all")
            ]
            revoked = await token(issuer)
            async with served.session.post(f"{issuer}/revoke", data={"token": revoked}, headers=SHOP) as answer:
                assert 200 == answer.status
            assert 401 == (await served.get("/asked/all", Authorization=f"Bearer {revoked}")).status

    run(check)


def test_opaque_tokens_are_trusted_by_introspection(tmp_path: Path) -> None:
    (tmp_path / "issuing").mkdir()

    async def check() -> None:
        async with (
            issuing(tmp_path / "issuing", tokens="persistent", token_format="opaque") as (issuer, _),
            serving(TRUSTING.replace("ISSUER", issuer), tmp_path) as served,
        ):
            held = await token(issuer)
            assert 0 == held.count(".")
            assert 200 == (await served.get("/asked/all", Authorization=f"Bearer {held}")).status
            assert 401 == (await served.get("/asked/all", Authorization="Bearer another")).status

    run(check)
