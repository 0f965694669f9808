"""Threat class 25: a pattern of a rule that explodes is given up in time, and says so."""

from __future__ import annotations

import time

from apim_governance.documents.document import read_document
from apim_governance.linter import lint
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets


def test_a_pattern_that_backtracks_without_end_is_given_up() -> None:
    rulesets = Rulesets()
    then = {"function": "pattern", "functionOptions": {"match": "^(a|a|aa)+$"}}
    written = {"rules": {"evil": {"given": "$.text", "message": "{{error}}", "then": then}}}
    ruleset = Compiler(rulesets.define(written), rulesets.catalogue).ruleset()
    began = time.monotonic()
    (finding,) = lint(read_document('{"text": "' + "a" * 5_000 + '!"}'), ruleset)
    assert time.monotonic() - began < 20
    assert "evil" == finding.code
