"""The rules that are shipped, over the cases by which the originals are tested, against what these answer."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.findings import Finding
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

CASES: Final = Path(__file__).resolve().parents[4] / "../shared/conformance/spectral-rule-cases"
OF_THE_LINTER: Final = ("unrecognized-format", "invalid-ref")
"""What is said of a document whatever the rule."""

catalogue: Final = Catalogue()


@cache
def linter_of(ruleset: str, rule: str) -> Linter:
    definition = Rulesets(catalogue=catalogue).define({"extends": [[ruleset, "off"]], "rules": {rule: True}})
    return Linter(Compiler(definition, catalogue).ruleset())


def found_in(case: dict[str, Any], ruleset: str) -> list[Finding]:
    written = case["doc"]
    text = written["text"] if "text" in written else json.dumps(written["json"], ensure_ascii=False)
    findings = linter_of(ruleset, case["rule"]).lint(read_document(text))
    return [finding for finding in findings if finding.code not in OF_THE_LINTER]


def cases(ruleset: str) -> list[dict[str, Any]]:
    name = "owasp" if ruleset == "owasp" else "rules"
    listed: list[dict[str, Any]] = json.loads((CASES / f"{name}.json").read_text())
    directory = f"/{ruleset.removeprefix('spectral:')}/"
    # Cases that need a server which plays another one have no recorded answer.
    return [case for case in listed if case["oracle"] is not None and (ruleset == "owasp" or directory in case["file"])]


def places(found: list[tuple[str, tuple[str, ...], int, str]]) -> Counter[tuple[str, tuple[str, ...], int]]:
    return Counter((code, path, severity) for code, path, severity, _ in found)


@pytest.mark.skipif(not CASES.is_dir(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize(("ruleset", "number"), [("spectral:oas", 211), ("spectral:asyncapi", 181), ("owasp", 82)])
def test_each_rule_finds_in_its_cases_what_the_original_finds(ruleset: str, number: int) -> None:
    compared = cases(ruleset)
    other_places, other_messages = [], []
    for case in compared:
        expected = [
            (each["code"], tuple(map(str, each["path"])), each["severity"], each["message"])
            for each in case["oracle"]
            if each["code"] not in OF_THE_LINTER
        ]
        ours = [
            (each.code, tuple(map(str, each.path)), int(each.severity), each.message)
            for each in found_in(case, ruleset)
        ]
        if places(expected) != places(ours):
            other_places.append((case["rule"], case["name"]))
        if Counter(expected) != Counter(ours):
            other_messages.append((case["rule"], case["name"]))

    assert number == len(compared)
    assert [] == other_places
    assert [] == other_messages


@pytest.mark.skipif(not CASES.is_dir(), reason="the conformance data is not beside this checkout")
def test_every_rule_that_has_cases_is_shipped() -> None:
    listed = json.loads((CASES / "rules.json").read_text())
    shipped: set[str] = set()
    for name in ("spectral:oas", "spectral:asyncapi"):
        ruleset = catalogue.ruleset(name)
        assert ruleset is not None
        shipped.update(ruleset.definition()["rules"])

    assert set() == {case["rule"] for case in listed} - shipped
