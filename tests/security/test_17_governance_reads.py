"""Threat class 17: rulesets and definitions name files and URLs that are none of their business."""

from __future__ import annotations

from pathlib import Path

import pytest
from apim_governance.documents.document import read_document
from apim_governance.documents.limits import LARGEST
from apim_governance.documents.resolving import resolve
from apim_governance.guarded import files_below
from apim_governance.rulesets.reading import RulesetError, Rulesets

AWAY = [
    "/etc/passwd",
    "../secret.yaml",
    "./../../secret.yaml",
    "http://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/x",
    "file:///etc/passwd",
    "linked.yaml",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    (inside / "near.yaml").write_text("a: 1\n")
    return inside


@pytest.mark.parametrize("name", AWAY)
def test_a_reference_shows_no_other_file_and_fetches_nothing(folder: Path, name: str) -> None:
    document = read_document(f"x: {{$ref: '{name}'}}\n", str(folder / "api.yaml"))
    resolved = resolve(document, files_below([folder]))
    assert ["invalid-ref"] == [problem.code for problem in resolved.problems]
    assert "hunter2" not in repr(resolved.root) + repr(resolved.problems)


def test_a_reference_to_a_file_beside_it_is_followed(folder: Path) -> None:
    document = read_document("x: {$ref: near.yaml}\n", str(folder / "api.yaml"))
    assert {"x": {"a": 1}} == resolve(document, files_below([folder])).root


@pytest.mark.parametrize("name", AWAY)
def test_a_ruleset_extends_no_other_file_and_fetches_nothing(folder: Path, name: str) -> None:
    with pytest.raises(RulesetError) as caught:
        Rulesets(files_below([folder])).define({"extends": [name]}, str(folder / "rules.yaml"))
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / "large.yaml").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(OSError, match="has more than"):
        files_below([folder])(str(folder / "large.yaml"))
