"""The configurations of the guide's pages on tokens start as they are printed."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path

import pytest
import structlog
from support.gateway import registry_with
from support.tokens import key

from apim_core.config import load
from apim_core.gateway import Gateway

PAGES = Path(__file__).resolve().parents[3] / "docs" / "guide" / "protect"
AROUND = """\
key_managers:
  main: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}, credentials: {id: gateway, secret: hidden}}}
  partners: {oidc: {issuer: "https://partners.example", jwks: {file: jwks.json}}}
stores: {shared: {memory: {}}}
apis:
  - name: orders
    context: /orders/1.0
    endpoint: {http: {url: "http://127.0.0.1:9000"}}
    plans: [{name: gold, AUTHENTICATION}]
    operations: [{match: "GET /{id}"}]
"""


def blocks() -> list[object]:
    return [
        pytest.param(text, id=f"{name} {number}")
        for name in ("jwt", "oauth2", "dpop", "internal-key")
        for number, text in enumerate(
            re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL), 1
        )
    ]


@pytest.mark.parametrize("text", blocks())
def test_a_configuration_of_the_guide_starts(text: str, tmp_path: Path) -> None:
    (tmp_path / "issuer.pem").write_bytes(key().as_pem(private=False))
    (tmp_path / "internal-keys.pem").write_bytes(key().as_pem(private=False))
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}' % ("A" * 43))
    if text.startswith("authentication:"):
        plan = "    plans:\n      - name: gold\n" + textwrap.indent(text, " " * 8)
        text = AROUND.replace("    plans: [{name: gold, AUTHENTICATION}]\n", plan)
    text = text.replace('{oidc: {issuer: "https://idp.example"}}', OFFLINE).replace(
        '      issuer: "https://idp.example"\n', '      issuer: "https://idp.example"\n      jwks: {file: jwks.json}\n'
    )
    (tmp_path / "gateway.yaml").write_text("listen: 127.0.0.1:0\nmanagement: {enabled: false}\n" + text)
    loaded = load(tmp_path / "gateway.yaml", {"GATEWAY_SECRET": "secret", "NONCE_SECRET": "a secret of 24 letters.."})

    async def start() -> None:
        gateway = Gateway(structlog.wrap_logger(None, processors=[drop]), registry_with())
        await gateway.start(loaded)
        await gateway.drain(1)
        await gateway.stop()

    asyncio.run(start())


OFFLINE = '{oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}'
"""A key manager that needs no network."""


def drop(logger: object, method: str, event: dict[str, object]) -> dict[str, object]:
    raise structlog.DropEvent


def test_there_are_configurations_to_start() -> None:
    assert 13 == len(blocks())
