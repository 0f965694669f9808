"""Threat class 12, issuers of many tenants: a token of one, or signed by the key of one, is good for no other."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.entra import CONSUMERS, OTHER_TENANT, TENANT, EntraServer, entra
from support.gateway import run, serving
from support.tokens import key, signed

TEXT = """
egress: {{allow: [127.0.0.0/8]}}
management: {{enabled: false}}
key_managers:
  entra:
    azure-ad: {{tenant: {tenant}, allowed_tenants: {allowed}, login: "{login}", sts: "{login}/sts"}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: tokens, subscription: none, authentication: {{jwt: {{key_manager: entra}}}}}}]
    operations: [{{match: "GET /x"}}]
"""


def by_the_key_of_consumers(server: EntraServer, **header: Any) -> str:
    """A token that says that it is of a tenant, signed by the key of personal accounts (as in Storm-0558)."""
    content = _claims(server.issue("shop"))
    return signed(content, {"typ": "JWT", **header}, with_key=key("consumers", "RSA", 2048), alg="RS256")


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    content: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


def outcomes(folder: Path, tenant: str, allowed: list[str], forge: Any) -> tuple[list[int], int]:
    """The statuses that a good token and a forged one get, and how many requests reached the backend."""

    async def once() -> tuple[list[int], int]:
        async with entra() as server, FakeBackend(Reply(200, (), b"hello")) as backend:
            text = TEXT.format(tenant=tenant, allowed=allowed, login=server.url, backend=backend.url)
            async with serving(text, folder) as gateway:
                good = server.issue("shop", tenant=CONSUMERS if tenant == "consumers" else TENANT)
                tokens = [good, forge(server)]
                statuses = [(await gateway.get("/api/x", Authorization=f"Bearer {token}")).status for token in tokens]
            return statuses, len(backend.requests)

    found: tuple[list[int], int] = run(once)
    return found


FORGED = {
    "of another tenant": lambda server: server.issue("shop", tenant=OTHER_TENANT),
    "of another tenant, version 1.0": lambda server: server.issue("shop", "1.0", OTHER_TENANT),
    "naming an allowed tenant beside another issuer": lambda server: server.issue(
        "shop", tenant=OTHER_TENANT, tid=TENANT
    ),
    "naming another tenant beside an allowed issuer": lambda server: server.issue("shop", tid=OTHER_TENANT),
    "naming no tenant": lambda server: server.issue("shop", tid=None),
    "by the template itself": lambda server: server.issue(
        "shop", iss=f"{server.url}/{{tenantid}}/v2.0", tid="{tenantid}"
    ),
    "by an issuer with a path that leads elsewhere": lambda server: server.issue(
        "shop", iss=f"{server.url}/{TENANT}/../{OTHER_TENANT}/v2.0"
    ),
    "of personal accounts": lambda server: server.issue("shop", tenant=CONSUMERS),
    "signed by the key of personal accounts": by_the_key_of_consumers,
    "signed by it in the name of another key": lambda server: by_the_key_of_consumers(server, kid="entra"),
    "signed by it without naming a key": lambda server: by_the_key_of_consumers(server, kid=None),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize(("tenant", "allowed"), [(TENANT, []), ("organizations", [TENANT])], ids=["one", "several"])
def test_a_token_of_another_tenant_is_refused(tmp_path: Path, tenant: str, allowed: list[str], forge: Any) -> None:
    assert ([200, 401], 1) == outcomes(tmp_path, tenant, allowed, forge)


def test_all_organisations_are_not_everybody(tmp_path: Path) -> None:
    assert ([200, 401], 1) == outcomes(
        tmp_path, "organizations", [], lambda server: server.issue("shop", tenant=CONSUMERS)
    )


def test_personal_accounts_are_not_an_organisation(tmp_path: Path) -> None:
    assert ([200, 401], 1) == outcomes(tmp_path, "consumers", [], lambda server: server.issue("shop", tenant=TENANT))
