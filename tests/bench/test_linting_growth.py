"""What the growth of linting is measured with: definitions of a size, rulesets of a number, and the power that fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

from bench.api_definitions import definition, write
from bench.linting_growth import cost, exponent, ruleset_of
from tests.support.linting import found


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_power_is_that_of_the_growth(power: float) -> None:
    assert power == pytest.approx(exponent([1, 2, 4, 8], [3 * size**power for size in (1, 2, 4, 8)]))


@pytest.mark.parametrize("as_yaml", [False, True])
def test_a_definition_has_its_size_and_is_one(as_yaml: bool, tmp_path: Path) -> None:
    write(tmp_path / "definition", 200_000, as_yaml)
    text = (tmp_path / "definition").read_text()
    document = read_document(text)

    assert 200_000 == pytest.approx(len(text), rel=0.05)
    assert document.problems == ()
    assert definition(len(document.data["paths"])) == document.data


def test_a_definition_has_the_mistakes_that_it_is_said_to_have() -> None:
    codes = [code for code, _ in found("spectral:oas", json.dumps(definition(20))) if code == "operation-description"]

    assert 2 * 3 == len(codes)


def test_rulesets_can_be_used_and_find_nothing() -> None:
    rulesets = Rulesets()
    ruleset = Compiler(rulesets.define(json.loads(ruleset_of(40))), rulesets.catalogue).ruleset()

    assert 40 == len(ruleset.rules)
    assert () == lint(read_document(json.dumps(definition(3))), ruleset)


def test_a_run_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 2"):
        cost(tmp_path / "missing.yaml", tmp_path / "missing.yaml", 1)
