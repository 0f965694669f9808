"""Every configuration that the guide shows is a sound one: all that a start does but starting."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
from support.client_certificates import issue
from support.gateway import registry_with

from apim_core.assembly import Observer, assemble
from apim_core.config import load

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide"
SHOWN = {
    f"{page.relative_to(GUIDE)} {number}": text
    for page in sorted(GUIDE.rglob("*.md"))
    for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE), 1)
}
DEFINITION = "openapi: 3.1.0\npaths: {'/orders/{order}': {get: {operationId: readOrder}}}\n"
VARIABLE = re.compile(r"\$\{env:([A-Z_]+)")


@pytest.mark.parametrize("text", SHOWN.values(), ids=SHOWN)
def test_a_configuration_of_the_guide_is_sound(text: str, tmp_path: Path) -> None:
    (tmp_path / "apis").mkdir()
    (tmp_path / "shared.yaml").touch()
    (tmp_path / "orders.openapi.yaml").write_text(DEFINITION)
    issue("shop").written(tmp_path, "shop.pem")
    (tmp_path / "gateway.yaml").write_text(text)
    secrets = {name: sha256(name.encode()).hexdigest() for name in VARIABLE.findall(text)}

    loaded = load(tmp_path / "gateway.yaml", secrets)
    assembly = assemble(loaded, registry_with(), Observer(lambda *_: None, lambda _: None))

    assert loaded.key_managers.keys() == assembly.key_managers.keys()


def test_the_guide_shows_configurations() -> None:
    assert len(SHOWN) > 40
