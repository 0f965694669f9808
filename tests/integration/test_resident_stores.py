"""The authorization server keeps its state in any store: what was issued, or spent, before a restart is so after it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from support.gateway import Served, run, serving
from support.resident import ANN
from support.store_servers import postgresql_schema, postgresql_server, redis_server

__all__ = ["postgresql_server", "redis_server"]

GATEWAY = f"""
management: {{enabled: false}}
stores: {{main: STORE}}
access: {{store: main}}
key_managers:
  resident:
    resident:
      issuer: http://127.0.0.1:8080/oauth2
      store: main
      secret: a long secret of the operator
      algorithm: EdDSA
      grants: [password, refresh_token]
      users: {{ann: {{password: "{ANN}"}}}}
      clients: {{shop: {{secret: shop-secret, grant_types: [password, refresh_token]}}}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
"""
SHOP = {"client_id": "shop", "client_secret": "shop-secret"}


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """An empty store, as the configuration has it."""
    if request.param == "sqlite":
        return "{sqlite: {path: apim.db}}"
    server = request.getfixturevalue(f"{request.param}_server")
    if request.param == "redis":
        return f'{{redis: {{url: "{server.url}", prefix: "{uuid.uuid4()}:"}}}}'
    return f'{{postgresql: {{url: "{postgresql_schema(server).reveal()}"}}}}'


async def refresh(served: Served, token: str) -> dict[str, str]:
    form = {**SHOP, "grant_type": "refresh_token", "refresh_token": token}
    answer: dict[str, str] = (await served.call("POST", "/oauth2/token", data=form)).json
    return answer


async def active(served: Served, token: str) -> bool:
    answer = await served.call("POST", "/oauth2/introspect", data={**SHOP, "token": token})
    told: bool = answer.json["active"]
    return told


def test_keys_families_and_revocations_outlive_a_restart(store: str, tmp_path: Path) -> None:
    text = GATEWAY.replace("STORE", store)

    async def check() -> None:
        async with serving(text, tmp_path) as served:
            form = {**SHOP, "grant_type": "password", "username": "ann", "password": "swordfish"}
            first = (await served.call("POST", "/oauth2/token", data=form)).json
            other = (await served.call("POST", "/oauth2/token", data=form)).json
            second = await refresh(served, first["refresh_token"])
            await served.call("POST", "/oauth2/revoke", data={**SHOP, "token": other["access_token"]})
        async with serving(text, tmp_path) as served:
            tokens = [each["access_token"] for each in (first, second, other)]
            assert [True, True, False] == [await active(served, token) for token in tokens]
            assert "invalid_grant" == (await refresh(served, first["refresh_token"]))["error"]
            assert "invalid_grant" == (await refresh(served, second["refresh_token"]))["error"]
            assert [False, False, False] == [await active(served, token) for token in tokens]

    run(check)
