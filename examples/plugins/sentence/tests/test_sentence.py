"""What sentence does."""

from pathlib import Path

import pytest
from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import RulesetError, Rulesets
from apim_sdk.testing.conformance import suite

test_conformance = suite("sentence")

RULES = Path(__file__).resolve().parents[1] / "ours.yaml"


def compiled(text):
    return Compiler.of(Rulesets(lambda name: text), str(RULES)).ruleset()


def found(description):
    findings = lint(read_document(f"info:\n  description: {description}\n"), compiled(RULES.read_text()))
    return [finding.message for finding in findings]


@pytest.mark.parametrize("description", ["Orders, and what becomes of them.", "7", "[a, b]"])
def test_sentences_and_what_is_no_text_pass(description):
    assert found(description) == []


@pytest.mark.parametrize("description", ["orders.", "Orders"])
def test_anything_else_is_told(description):
    assert found(description) == ["description: it must be a sentence"]


def test_a_text_may_be_too_long():
    assert found("O" * 200 + ".") == ["description: it has more than 200 characters"]


def test_options_that_it_does_not_have_are_an_error_of_the_ruleset():
    with pytest.raises(RulesetError, match="longer"):
        compiled(RULES.read_text().replace("longest", "longer"))
