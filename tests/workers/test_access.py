"""Access that is managed while the gateway runs: what is needed of the store, and that one process sees its own."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from support.processes import Running, eventually, running

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TEXT = f"""
listen: 127.0.0.1:0
management: {{listen: '127.0.0.1:0', token: {TOKEN}}}
log: {{format: json}}
stores: {{main: {{memory: {{}}}}}}
access: {{store: main}}
apis:
  - name: one
    context: /api
    endpoint: {{process-id: {{}}}}
    plans: [{{name: keys, authentication: {{api-key: {{}}}}}}]
    operations: [{{match: GET /x}}]
"""


def call(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        content = None if body is None else json.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, content, {"Authorization": f"Bearer {TOKEN}", **names})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text.startswith(b"{") else text
    finally:
        connection.close()


def key_of_a_new_application(gateway: Running) -> str:
    port = gateway.management
    application = call(port, "POST", "/applications", {"name": "shop"})[1]["id"]
    key: str = call(port, "POST", f"/applications/{application}/keys", {})[1]["key"]
    subscription = {"application": application, "api": "one", "plan": "keys"}
    assert 201 == call(port, "POST", "/subscriptions", subscription)[0]
    return key


def test_a_process_alone_sees_what_its_management_port_keeps_in_its_memory(tmp_path: Path) -> None:
    with running(tmp_path, TEXT) as gateway:
        key = key_of_a_new_application(gateway)
        eventually(lambda: call(gateway.port, "GET", "/api/x", X_API_Key=key)[0] == 200, "the key is good")


def test_after_a_reload_that_adds_an_api_it_can_be_subscribed_to(tmp_path: Path) -> None:
    with running(tmp_path, TEXT, "--watch") as gateway:
        key = key_of_a_new_application(gateway)
        gateway.logged("watching")
        second = TEXT.replace("name: one", "name: two").replace("/api", "/two")
        gateway.configure(TEXT + second[second.index("  - name: two") :])
        gateway.logged("reloaded")
        (application,) = call(gateway.management, "GET", "/applications")[1]["items"]
        subscription = {"application": application["id"], "api": "two", "plan": "keys"}
        assert 201 == call(gateway.management, "POST", "/subscriptions", subscription)[0]
        eventually(lambda: call(gateway.port, "GET", "/two/x", X_API_Key=key)[0] == 200, "the subscription is good")
        assert 200 == call(gateway.port, "GET", "/api/x", X_API_Key=key)[0]


def test_workers_of_the_command_line_need_a_store_that_they_share(tmp_path: Path) -> None:
    with running(tmp_path, TEXT, "--workers", "2") as gateway:
        assert 1 == gateway.wait()
        assert "each of 2 workers would have a store 'main' of its own" in gateway.output


def test_without_a_store_several_workers_manage_nothing(tmp_path: Path) -> None:
    text = TEXT.replace("access: {store: main}", "")
    with running(tmp_path, text, "--workers", "2") as gateway:
        for path, body in (("/revocations", {"token_id": "1"}), ("/applications", {"name": "shop"})):
            assert 409 == call(gateway.management, "POST", path, body)[0]
