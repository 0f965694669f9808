"""Threat class 24: documents that are small and cost much; each ends in findings, in bounded time."""

from __future__ import annotations

import time

import pytest
from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
DOCUMENTS = {
    "aliases that multiply": BOMB,
    "deep YAML": "[" * 10_000 + "]" * 10_000,
    "deep JSON": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "deep blocks": "".join(" " * n + "a:\n" for n in range(2_000)),
    "an alias of itself": "a: &a [*a]\n",
    "a giant text": '{"openapi": "3.1.0", "info": {"title": "' + "x" * 5_000_000 + '"}}',
    "references in a circle": '{"openapi": "3.1.0", "a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}',
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_hostile_document_is_bounded(text: str) -> None:
    rulesets = Rulesets()
    rules = {"every": {"given": "$..x", "then": {"function": "truthy"}}}
    ruleset = Compiler(rulesets.define({"rules": rules}), rulesets.catalogue).ruleset()
    began = time.monotonic()
    findings = lint(read_document(text, "hostile.yaml"), ruleset)
    assert time.monotonic() - began < 20
    assert len(findings) < 1_000
