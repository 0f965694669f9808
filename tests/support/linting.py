"""Linting with a shipped ruleset, and what it found, in few words."""

from __future__ import annotations

from functools import cache

from apim_governance.documents.document import read_document
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets


@cache
def linter(ruleset: str) -> Linter:
    """A linter for a shipped ruleset with all of its rules."""
    rulesets = Rulesets()
    return Linter(Compiler(rulesets.define({"extends": [[ruleset, "all"]]}), rulesets.catalogue).ruleset())


def found(ruleset: str, text: str) -> list[tuple[str, int]]:
    """Codes of findings, each with its line as editors count it."""
    findings = linter(ruleset).lint(read_document(text))
    return [(finding.code, finding.range.start.line + 1) for finding in findings]
