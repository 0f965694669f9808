"""The configurations of the guide on tokens start as they are printed, but for keys and stores on this machine."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import structlog
from support.gateway import registry_with
from support.tokens import key

from apim_core.config import load
from apim_core.gateway import Gateway

PAGES = Path(__file__).resolve().parents[3] / "docs" / "guide" / "protect"
SHOWN = [
    pytest.param(text, id=f"{name} {number}")
    for name in ("jwt", "oauth2", "dpop", "internal-key")
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", (PAGES / f"{name}.md").read_text(), re.DOTALL), 1)
]


@pytest.mark.parametrize("text", SHOWN)
def test_a_configuration_of_the_guide_starts(text: str, tmp_path: Path) -> None:
    for name in ("issuer.pem", "internal-keys.pem"):
        (tmp_path / name).write_bytes(key().as_pem(private=False))
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}' % ("A" * 43))
    text = text.replace("oidc: {", "oidc: {jwks: {file: jwks.json}, ")
    text = re.sub(r"oidc:\n( +)", r"oidc:\n\1jwks: {file: jwks.json}\n\1", text)
    text = re.sub(r"\{redis: .*\}", "{memory: {}}", text)
    (tmp_path / "gateway.yaml").write_text("listen: 127.0.0.1:0\nmanagement: {enabled: false}\n" + text)
    loaded = load(tmp_path / "gateway.yaml", {"GATEWAY_SECRET": "secret", "NONCE_SECRET": "a secret of 24 letters.."})

    async def start() -> None:
        gateway = Gateway(structlog.wrap_logger(None, processors=[drop]), registry_with())
        await gateway.start(loaded)
        await gateway.drain(1)
        await gateway.stop()

    asyncio.run(start())


def drop(logger: object, method: str, event: dict[str, object]) -> dict[str, object]:
    raise structlog.DropEvent


def test_there_are_configurations_to_start() -> None:
    assert 8 == len(SHOWN)
