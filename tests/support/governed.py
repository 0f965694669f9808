"""A gateway process with governance, and its management port asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any

from support.processes import Running

__all__ = ["OPENAPI", "TOKEN", "ask", "governed"]

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OPENAPI = 'openapi: 3.1.0\ninfo: {title: Orders, version: "1"}\npaths: {}\n'
_TEXT = """\
listen: 127.0.0.1:0
management: {listen: '127.0.0.1:0', token: TOKEN}
log: {format: json}
stores: {main: {memory: {}}}
governance:
  governor:
    store: main
SETTINGS
    policies:
      - name: Platform rules
        rulesets: [apim-recommended, RULESETS]
        actions: [{state: deploy, severity: error, type: notify}]
      - {name: Internal, labels: [internal], rulesets: [apim-recommended]}
apis:
  - name: orders
    version: "1.0"
    context: /orders/1.0
    description: Orders
    endpoint: {mock: {body: hello}}
    plans: [{name: keys, authentication: {api-key: {}}, limits: [{requests: 10, per: 1m}]}]
    operations: [{match: "GET /{id}"}]
  - name: open
    version: "2"
    context: /open/2
    endpoint: {mock: {body: hello}}
    plans: [{name: public, authentication: {keyless: {}}}]
    operations: [{match: "GET /x"}]
"""


def governed(settings: str = "", rulesets: str = "spectral-oas") -> str:
    """A configuration with two APIs; ``settings`` are lines of the governor's."""
    indented = "\n".join("    " + line for line in settings.splitlines())
    return _TEXT.replace("SETTINGS", indented).replace("RULESETS", rulesets).replace("TOKEN", TOKEN)


def ask(
    gateway: Running,
    path: str,
    body: bytes | str | None = None,
    content_type: str | None = "application/yaml",
    token: str | None = TOKEN,
    method: str | None = None,
) -> tuple[int, Any]:
    """Status and JSON of an answer of the management port, below ``/governance``; with a body, to a POST."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if body is not None and content_type is not None:
        headers["Content-Type"] = content_type
    connection = http.client.HTTPConnection("127.0.0.1", gateway.management, timeout=60)
    with contextlib.closing(connection):
        connection.request(method or ("GET" if body is None else "POST"), f"/governance/{path}", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
