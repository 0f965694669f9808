"""Every attack class that concerns what exists has a test, and the threat model names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests" / "security").glob("test_*.py"))
MODEL = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = {
    number: re.findall(r"`([^`]+)`", tests)
    for number, tests in re.findall(r"^\| (\d+) \|.*\| (`[^|]+`) \|$", MODEL, re.MULTILINE)
}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 7, 8, 17, 23, 24])
def test_a_class_of_the_wire_has_a_file(number: int) -> None:
    assert any(path.name.startswith(f"test_{number:02}_") for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_which_class_it_is_about(path: Path) -> None:
    number = int(path.name[5:7])
    assert re.match(rf"Threat class {number}[:,] ", ast.get_docstring(ast.parse(path.read_text())) or "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_in_the_threat_model(path: Path) -> None:
    assert path.name in ROWS[str(int(path.name[5:7]))]


@pytest.mark.parametrize("test", sorted({test for tests in ROWS.values() for test in tests}))
def test_a_test_that_the_threat_model_names_is_there(test: str) -> None:
    folder = ROOT if test.startswith("tests/") else ROOT / "tests" / "security"
    assert (folder / test).exists()
