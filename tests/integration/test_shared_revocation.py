"""Nodes that share a store over the network: what is revoked at one is refused by all within a second."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.processes import Running, eventually, running
from support.store_servers import postgresql_schema, postgresql_server, redis_server
from support.tokens import claims, public, signed

__all__ = ["postgresql_server", "redis_server"]

MANAGEMENT_TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

TEXT = """
listen: 127.0.0.1:0
management: {listen: '127.0.0.1:0', token: "%s"}
log: {format: json}
stores: {shared: %s}
access: {store: shared}
key_managers: {idp: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}}
apis:
  - name: items
    context: /api
    endpoint: {process-id: {}}
    plans: [{name: tokens, authentication: {jwt: {key_manager: idp}}}]
    operations: [{match: GET /x}]
applications:
  - name: shop
    keys: [{client_id: shop-web}]
    subscriptions: [{api: items, plan: tokens}]
"""


@attrs.frozen
class Node:
    """One gateway: a process with a configuration of its own."""

    process: Running

    def status(self, token: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=30)
        try:
            connection.request("GET", "/api/x", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def revoke(self, **what: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.process.management, timeout=30)
        try:
            authorization = {"Authorization": f"Bearer {MANAGEMENT_TOKEN}"}
            connection.request("POST", "/revocations", json.dumps(what), authorization)
            assert 201 == connection.getresponse().status
        finally:
            connection.close()


def token(name: str) -> str:
    now = time.time()
    return signed(claims(iat=now - 10, exp=now + 3600, jti=name))


@pytest.fixture(params=["redis", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """A store on a server, as a configuration names it."""
    if request.param == "redis":
        url, prefix = request.getfixturevalue("redis_server").url, f"nodes-{time.time_ns()}:"
        return json.dumps({"redis": {"url": url, "prefix": prefix}})
    return json.dumps({"postgresql": {"url": postgresql_schema(request.getfixturevalue("postgresql_server")).reveal()}})


def node(stack: ExitStack, folder: Path, store: str) -> Node:
    folder.mkdir()
    (folder / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    process = stack.enter_context(running(folder, TEXT % (MANAGEMENT_TOKEN, store)))
    assert process.started
    return Node(process)


@pytest.fixture
def nodes(store: str, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Two of them, and the store that both use."""
    with ExitStack() as stack:
        yield node(stack, tmp_path / "one", store), node(stack, tmp_path / "other", store)


def refused_after(each: Node, refused: str, since: float) -> float:
    """How many seconds after ``since`` a node was first asked what it refused."""
    asked = since

    def refuses() -> bool:
        nonlocal asked
        asked = time.monotonic()
        return each.status(refused) == 401

    eventually(refuses, "the token is refused", 10)
    return asked - since


@pytest.mark.parametrize("what", ["token_id", "token", "subject"])
def test_a_token_that_is_revoked_at_one_node_is_refused_by_both_within_a_second(
    nodes: tuple[Node, Node], what: str
) -> None:
    for number in range(3):
        name = f"{what} {number}"
        bad, good = token(name), token(f"good {name}")
        if what == "subject":
            now = time.time()
            bad = signed(claims(iat=now - 10, exp=now + 3600, jti=name, sub=name))
        assert [200] * 4 == [each.status(one) for each in nodes for one in (bad, good)]

        values: dict[str, Any] = {"token_id": name, "token": bad, "subject": name}
        nodes[number % 2].revoke(**{what: values[what]})
        since = time.monotonic()

        assert 1.0 > max(refused_after(each, bad, since) for each in nodes)
        assert [200, 200] == [each.status(good) for each in nodes]


def test_a_node_that_starts_after_a_revocation_refuses_the_token_from_its_first_request(
    store: str, tmp_path: Path
) -> None:
    bad = token("revoked before")
    with ExitStack() as stack:
        node(stack, tmp_path / "one", store).revoke(token_id="revoked before")
    with ExitStack() as stack:
        assert 401 == node(stack, tmp_path / "other", store).status(bad)
