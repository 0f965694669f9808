"""Threat class 15, revocation gaps: token, key, subscription and application, gone on every worker within a second."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.processes import Running, eventually, running
from support.redis import RedisProcess
from support.redis import running as serving_redis
from support.tokens import claims, public, signed

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

TEXT = """
listen: 127.0.0.1:0
management: {listen: '127.0.0.1:0', token: "%s"}
log: {format: json}
workers: 2
stores: {main: {sqlite: {path: access.db}}}
access: {store: main}
key_managers: {idp: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}}
apis:
  - name: items
    context: /api
    endpoint: {process-id: {}}
    plans:
      - {name: keys, authentication: {api-key: {}}}
      - {name: tokens, authentication: {jwt: {key_manager: idp}}}
    operations: [{match: GET /x}]
"""

IN_A_ROW = 40
"""Answers on new connections, which the kernel spreads over both workers, that must agree."""


class Gateway:
    """Workers and their management port."""

    def __init__(self, process: Running, workers: int = 2) -> None:
        self.process = process
        self.workers = workers

    def manage(self, method: str, path: str, **body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.process.management, timeout=60)
        try:
            content = json.dumps(body) if body or method == "POST" else None
            connection.request(method, path, content, {"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            text = response.read()
            assert response.status < 300, text
            return json.loads(text) if text else None
        finally:
            connection.close()

    def ask(self, headers: dict[str, str]) -> tuple[str, str | None]:
        """The process that answered, or the code of the refusal."""
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=60)
        try:
            connection.request("GET", "/api/x", headers=headers)
            response = connection.getresponse()
            text = response.read().decode()
            return ("", text) if response.status == 200 else (json.loads(text)["code"], None)
        finally:
            connection.close()

    def lets_in(self, headers: dict[str, str]) -> None:
        """Until all workers do."""
        seen: set[str | None] = set()

        def all_of_them() -> bool:
            code, process = self.ask(headers)
            seen.add(process)
            if code:
                seen.clear()
            return len(seen) == self.workers

        eventually(all_of_them, "all workers let in")

    def refuses(self, headers: dict[str, str], expected: str, since: float) -> None:
        """All workers do, and none gave another answer to what was asked a second after ``since``."""
        last, agreed = since, 0
        while agreed < IN_A_ROW:
            asked = time.monotonic()
            code, _ = self.ask(headers)
            agreed = agreed + 1 if code == expected else 0
            if not agreed:
                last = asked
                assert last - since < 1, f"{code or 'let in'} {last - since:.2f} s after it was to be {expected}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    with running(folder, TEXT % TOKEN) as process:
        yield Gateway(process)


class Caller:
    """An application with a key, a client and both subscriptions, let in by both workers."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self.id = gateway.manage("POST", "/applications", name=name)["id"]
        made = gateway.manage("POST", f"/applications/{self.id}/keys")
        self.key_id, self.key = made["id"], {"X-API-Key": made["key"]}
        gateway.manage("POST", f"/applications/{self.id}/keys", kind="client_id", value=name)
        self.subscriptions = {
            plan: gateway.manage("POST", "/subscriptions", application=self.id, api="items", plan=plan)["id"]
            for plan in ("keys", "tokens")
        }
        now = time.time()
        about = {"azp": name, "sub": f"subject of {name}", "jti": f"jti of {name}"}
        token = signed(claims(iat=now - 10, exp=now + 3_600, **about))
        self.token = {"Authorization": f"Bearer {token}"}
        self.known_by = {"token_id": about["jti"], "token": token, "client_id": name, "subject": about["sub"]}
        gateway.lets_in(self.key)
        gateway.lets_in(self.token)


@pytest.fixture
def caller(gateway: Gateway, request: pytest.FixtureRequest) -> Caller:
    return Caller(gateway, request.node.name[-40:].replace("[", "-").rstrip("]"))


@pytest.mark.parametrize(
    ("method", "path", "body", "code_of_key", "code_of_token"),
    [
        ("DELETE", "/applications/{0.id}", {}, "900901", "900908"),
        ("PUT", "/applications/{0.id}", {"name": "x", "blocked": True}, "900907", "900907"),
        ("DELETE", "/applications/{0.id}/keys/{0.key_id}", {}, "900901", ""),
        ("DELETE", "/subscriptions/{0.subscriptions[keys]}", {}, "900908", ""),
        ("PATCH", "/subscriptions/{0.subscriptions[tokens]}", {"state": "blocked"}, "", "900907"),
        ("PATCH", "/subscriptions/{0.subscriptions[keys]}", {"state": "paused"}, "900909", ""),
        ("PATCH", "/subscriptions/{0.subscriptions[keys]}", {"ends": "2026-01-01T00:00:00Z"}, "900909", ""),
    ],
    ids=["app-gone", "app-blocked", "key-gone", "unsubscribed", "blocked", "paused", "ended"],
)
def test_a_change_of_access_is_effective_on_every_worker(
    gateway: Gateway, caller: Caller, method: str, path: str, body: Any, code_of_key: str, code_of_token: str
) -> None:
    gateway.manage(method, path.format(caller), **body)
    since = time.monotonic()
    for headers, expected in ((caller.key, code_of_key), (caller.token, code_of_token)):
        if expected:
            gateway.refuses(headers, expected, since)
        else:
            gateway.lets_in(headers)


@pytest.mark.parametrize("what", ["token_id", "token", "client_id", "subject"])
def test_a_revoked_token_is_refused_by_every_worker(gateway: Gateway, caller: Caller, what: str) -> None:
    gateway.manage("POST", "/revocations", **{what: caller.known_by[what]})
    gateway.refuses(caller.token, "900901", time.monotonic())
    gateway.lets_in(caller.key)


def test_a_change_at_one_node_is_effective_on_another_and_what_is_known_outlives_the_store(tmp_path: Path) -> None:
    redis = RedisProcess(tmp_path / "redis")
    text = (TEXT % TOKEN).replace("{sqlite: {path: access.db}}", f'{{redis: {{url: "{redis.url}"}}}}')
    text = text.replace("workers: 2", "workers: 1")
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    with serving_redis(redis), running(folders[0], text) as first, running(folders[1], text) as second:
        nodes = [Gateway(process, workers=1) for process in (first, second)]
        caller, other = Caller(nodes[0], "caller"), Caller(nodes[0], "other")
        for each in (caller.key, caller.token, other.key, other.token):
            nodes[1].lets_in(each)
        nodes[0].manage("DELETE", f"/applications/{caller.id}/keys/{caller.key_id}")
        nodes[1].refuses(caller.key, "900901", time.monotonic())
        nodes[0].manage("POST", "/revocations", subject="subject of caller")
        nodes[1].refuses(caller.token, "900901", time.monotonic())

        redis.stop()
        for headers, expected in ((caller.key, "900901"), (caller.token, "900901"), (other.key, ""), (other.token, "")):
            assert expected == nodes[1].ask(headers)[0]
        redis.start()
        eventually(lambda: revoked_again(nodes[0]), "the store is back")
        eventually(lambda: nodes[1].ask(other.token)[0] == "900901", "the other node learns of it")
        nodes[1].refuses(caller.token, "900901", time.monotonic())


def revoked_again(node: Gateway) -> bool:
    try:
        node.manage("POST", "/revocations", client_id="other")
    except AssertionError:  # 503 until the store is back
        return False
    return True


def test_what_was_revoked_stays_so_over_a_restart_of_a_worker_and_of_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    with running(tmp_path, TEXT % TOKEN) as process:
        gateway = Gateway(process)
        caller = Caller(gateway, "restarted")
        gateway.manage("POST", "/revocations", subject="subject of restarted")
        gateway.refuses(caller.token, "900901", time.monotonic())

        killed = process.workers()[0]["pid"]
        os.kill(killed, signal.SIGKILL)
        eventually(
            lambda: [each["serving"] for each in process.workers() if each["pid"] != killed] == [True, True],
            "another worker takes the place of the killed one",
        )
        gateway.refuses(caller.token, "900901", time.monotonic())
        gateway.lets_in(caller.key)
    with running(tmp_path, TEXT % TOKEN) as process:
        gateway = Gateway(process)
        gateway.lets_in(caller.key)
        gateway.refuses(caller.token, "900901", time.monotonic())
