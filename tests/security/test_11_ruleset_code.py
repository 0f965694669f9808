"""Threat class 11: a ruleset or a document brings code; nothing of it is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from apim_governance.guarded import files_below
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import RulesetError, Rulesets


def compiled(folder: Path, text: str) -> Compiler:
    (folder / "ours.yaml").write_text(text)
    return Compiler.of(Rulesets(files_below([folder])), str(folder / "ours.yaml"))


@pytest.mark.parametrize("name", ["rules.js", "rules.mjs", "rules.cjs", "rules.ts"])
def test_a_ruleset_in_javascript_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("export default { rules: {} }")
    with pytest.raises(RulesetError, match="in JavaScript, which is not run here"):
        compiled(tmp_path, f"extends: ./{name}\n")


def test_a_function_in_javascript_is_refused(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "steal.js").write_text("export default () => [];")
    text = "functions: [steal]\nrules:\n  steal: {given: $, then: {function: steal}}\n"
    with pytest.raises(RulesetError, match="steal"):
        compiled(tmp_path, text)


@pytest.mark.parametrize(
    "expression",
    [
        "$[?(constructor.constructor('return process')())]",
        "$[?(require('child_process').execSync('id'))]",
        "$[?(__import__('os').system('id'))]",
        "$[?(@.__class__.__mro__[1].__subclasses__())]",
        "$[?(globalThis.process.exit())]",
        "$[?(function(){return 1}())]",
        "$[?(@.a = 1)]",
    ],
)
def test_an_expression_is_not_code_of_the_host(tmp_path: Path, expression: str) -> None:
    from apim_governance.documents.document import read_document
    from apim_governance.linter import Linter

    written = expression.replace("'", "''")
    text = f"rules:\n  evil: {{given: '{written}', message: found, then: {{function: falsy}}}}\n"
    try:
        ruleset = compiled(tmp_path, text).ruleset()
    except RulesetError:
        return
    document = read_document('{"a": {"b": 1}}')
    assert [] == [finding for finding in Linter(ruleset).lint(document) if finding.code == "evil"]
    assert {"a": {"b": 1}} == document.data
