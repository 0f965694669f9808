"""The examples of the guide are configurations that load."""

import re
from pathlib import Path

import pytest

from apim_core.config import load

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "configuration.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
DEFINITION = "openapi: 3.1.0\npaths: {'/orders/{order}': {get: {operationId: readOrder}}}\n"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_guide_loads(example: str, tmp_path: Path) -> None:
    (tmp_path / "apis").mkdir()
    (tmp_path / "shared.yaml").touch()
    (tmp_path / "orders.openapi.yaml").write_text(DEFINITION)
    (tmp_path / "gateway.yaml").write_text(example)

    assert load(tmp_path / "gateway.yaml", {"SHOP_KEY": "key"})


def test_the_guide_has_examples() -> None:
    assert 4 == len(EXAMPLES)


def test_the_error_of_the_guide_is_the_one_that_is_said() -> None:
    said = (Path(__file__).parent / "errors" / "misspelled-keys.txt").read_text()
    shown = re.findall(r"```text\ngateway.yaml(:8:9: .*?)```", GUIDE.read_text(), re.DOTALL)

    assert [True] == [text in said for text in shown]
