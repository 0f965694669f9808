"""Every configuration in the guides is one that the gateway takes, down to the options of its plugins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.certificates import new_certificate

from apim_core.assembly import Observer, assemble
from apim_core.config import Configuration, load
from apim_core.config.shapes import options_of
from apim_core.registry import Registry

DOCS = Path(__file__).resolve().parents[1] / "docs"
WORDS = frozenset(options_of(Configuration))


def written() -> list[tuple[str, str]]:
    """Page and text of every YAML block that is a whole configuration."""
    blocks = []
    for page in sorted((DOCS / "guide").rglob("*.md")):
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)):
            content = yaml.safe_load(text)
            if isinstance(content, dict) and content and content.keys() <= WORDS:
                blocks.append((f"{page.relative_to(DOCS)}#{number}", text))
    return blocks


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in written()])
def test_a_configuration_of_the_guides_is_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(text)
    for name in re.findall(r"definition: ([\w./-]+)", text):
        (tmp_path / name).write_text("openapi: 3.1.0\npaths: {'/orders/{order}': {get: {operationId: readOrder}}}\n")
    for name in re.findall(r"certificate: ([\w.-]+\.pem)", text):
        new_certificate(tmp_path / name, tmp_path / f"{name}.key")
    (tmp_path / "apis").mkdir()
    (tmp_path / "shared.yaml").touch()
    environment = {name: f"{name}-0123456789-0123456789-0123456789" for name in re.findall(r"\$\{env:(\w+)", text)}
    registry = Registry()
    configuration = load(tmp_path / "gateway.yaml", environment, find_plugin=registry.load)
    assemble(configuration, registry, Observer(lambda *_: None, lambda _: None))
