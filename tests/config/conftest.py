"""What tests of whole files share: writing them, loading them, and the configuration that the design shows."""

import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from apim_core.config import ConfigErrors, Configuration, load

DESIGN = """
    listen: 127.0.0.1:8080
    key_managers:
      main: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}
    sinks:
      - jsonl: {path: access.jsonl}
    flows:
      entry: [{request-size: {max: 1MiB}}]
    apis:
      - name: orders
        version: "1.0"
        context: /orders/1.0
        definition: orders.openapi.yaml
        endpoint: {http: {url: "http://127.0.0.1:9000"}}
        plans:
          - name: gold
            authentication: {jwt: {key_manager: main, audience: [orders], client_id_claim: azp}}
            limits: [{requests: 1000, per: 1m}]
          - name: public
            authentication: {keyless: {}}
        flows:
          request:
            - rate-limit: {requests: 100, per: 1s, key: application}
            - set-header: {name: X-Gateway, value: apim}
              when: request.method == 'POST'
          response: [{remove-header: {name: Server}}]
        operations:
          - match: GET /orders/{id}
            scopes: [orders.read]
            flows: {request: [{rewrite: {path: "/v2/orders/{{ path.id }}"}}]}
    applications:
      - name: shop
        keys: [{api-key: "${env:SHOP_KEY}"}, {client_id: shop-web}]
        subscriptions: [{api: orders, plan: gold}]
    """

DEFINITION = """
    openapi: 3.1.0
    info: {title: Orders, version: "1.0"}
    paths:
      /orders:
        get: {operationId: listOrders, responses: {}}
        post: {operationId: createOrder, responses: {}, security: [{oauth: [orders.write]}]}
      /orders/{order}:
        get: {operationId: readOrder, responses: {}, security: [{oauth: [orders.own]}]}
        delete: {operationId: deleteOrder, responses: {}, security: [{oauth: [orders.write]}]}
    components:
      securitySchemes:
        oauth: {type: oauth2, flows: {}}
    """


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a folder of their own, with ``__`` in a name for a slash; gives the path of the first."""

    def write(**files: str) -> Path:
        paths = [tmp_path / f"{name.replace('__', '/')}.yaml" for name in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return paths[0]

    return write


@pytest.fixture
def messages() -> Callable[..., list[str]]:
    """Load a file that is refused; gives every problem as ``file:line: message``."""

    def messages(path: Path, environment: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigErrors) as refusal:
            load(path, environment or {})
        return [f"{os.path.relpath(p.file, path.parent)}:{p.line}: {p.message}" for p in refusal.value.problems]

    return messages


@pytest.fixture
def shown() -> str:
    """The text of the configuration that the design shows."""
    return DESIGN


@pytest.fixture
def definition() -> str:
    """The text of the definition that it names."""
    return DEFINITION


@pytest.fixture
def design(tmp_path: Path, write: Callable[..., Path]) -> Configuration:
    """The configuration that the design shows, loaded."""
    path = write(gateway=DESIGN)
    (tmp_path / "orders.openapi.yaml").write_text(dedent(DEFINITION))
    return load(path, {"SHOP_KEY": "12345"})
