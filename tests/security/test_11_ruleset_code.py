"""Threat class 11: a ruleset or a document brings code; nothing of it is run, or where it is, it can do nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from apim_governance.documents.document import read_document
from apim_governance.guarded import files_below
from apim_governance.javascript import scripts
from apim_governance.linter import Linter
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
    written = expression.replace("'", "''")
    text = f"rules:\n  evil: {{given: '{written}', message: found, then: {{function: falsy}}}}\n"
    try:
        ruleset = compiled(tmp_path, text).ruleset()
    except RulesetError:
        return
    document = read_document('{"a": {"b": 1}}')
    assert [] == [finding for finding in Linter(ruleset).lint(document) if finding.code == "evil"]
    assert {"a": {"b": 1}} == document.data


def allowed(folder: Path, code: str, rule: str = "{given: $, then: {function: f}}", **more: str) -> Compiler:
    """A ruleset whose functions in JavaScript are run."""
    (folder / "functions").mkdir(exist_ok=True)
    for name, text in {"f": code, **more}.items():
        (folder / "functions" / f"{name}.js").write_text(text)
    names = ", ".join(["f", *more])
    (folder / "ours.yaml").write_text(f"functions: [{names}]\nrules:\n  f: {rule}\n")
    return Compiler.of(Rulesets(files_below([folder]), scripts=scripts(True)), str(folder / "ours.yaml"))


def linted(compiler: Compiler) -> list[str]:
    return [finding.message for finding in Linter(compiler.ruleset()).lint(read_document('{"a": {"b": 1}}'))]


@pytest.mark.parametrize(
    "expression",
    [
        "typeof process",
        "typeof std",
        "typeof os",
        "typeof scriptArgs",
        "typeof fetch",
        "typeof XMLHttpRequest",
        "typeof setTimeout",
        "typeof Worker",
        "typeof WebAssembly",
        "typeof SharedArrayBuffer",
        "typeof Atomics",
        "typeof __prelude",
        "typeof __call",
        "typeof print",
        "typeof gc",
        "Function('return typeof process')()",
        "(0, eval)('typeof process')",
        "context.constructor.constructor('return typeof process')()",
        "console.log.constructor('return typeof process')()",
        "createRulesetFunction.constructor('return typeof process')()",
    ],
)
def test_a_function_that_is_allowed_reaches_nothing(tmp_path: Path, expression: str) -> None:
    core = "import { createRulesetFunction } from '@stoplight/spectral-core';\n"
    code = f"{core}export default (input, options, context) => [{{ message: String({expression}) }}];"
    assert ["undefined"] == linted(allowed(tmp_path, code))


ENDLESS = {
    "a loop": "() => { for (;;); }",
    "a loop that catches": "() => { for (;;) { try { for (;;); } catch { continue; } } }",
    "a loop in the engine": "() => new Array(2 ** 32 - 1).join('')",
    "an expression": "() => /(a+)+$/.test('a'.repeat(50) + 'b')",
    "memory": "() => { const all = []; for (;;) all.push('x'.repeat(10000)); }",
    "one large text": "() => 'x'.repeat(2 ** 29)",
    "recursion": "() => { const f = () => f(); f(); }",
    "deep values": "() => { let x = []; for (let n = 0; n < 1e6; n++) x = [x]; JSON.stringify(x); }",
    "a large answer": "() => Array.from({ length: 1000 }, () => ({ message: 'x'.repeat(100000) }))",
    "a getter": "() => [{ get message() { for (;;); } }]",
    "a proxy": "() => new Proxy([], { get() { for (;;); } })",
    "jobs": "() => { const f = () => Promise.resolve().then(f); f(); for (;;); }",
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
def test_a_function_that_costs_too_much_ends_the_run(tmp_path: Path, code: str) -> None:
    compiler = allowed(tmp_path, f"export default {code};")
    began = time.monotonic()
    with pytest.raises(RulesetError, match='Function "f" threw an exception'):
        linted(compiler)
    assert time.monotonic() - began < 30


def test_a_file_that_costs_too_much_is_a_mistake_of_the_ruleset(tmp_path: Path) -> None:
    with pytest.raises(RulesetError, match="it cannot be loaded"):
        allowed(tmp_path, "for (;;); export default () => [];")


def test_a_document_of_many_values_does_not_get_into_a_function(tmp_path: Path) -> None:
    compiler = allowed(tmp_path, "export default () => [];")
    document = read_document("[" + ",".join(["1"] * 1_000_001) + "]")
    with pytest.raises(RulesetError, match="more than 1,000,000 values"):
        Linter(compiler.ruleset()).lint(document)


def test_a_function_does_not_reach_another(tmp_path: Path) -> None:
    evil = "Array.prototype.push = JSON.parse = JSON.stringify = Object = undefined; globalThis.evil = 1;\n"
    rule = "{given: $, then: [{function: f}, {function: g}]}"
    code = f"{evil} export default () => [{{ message: 'f' }}];"
    compiler = allowed(tmp_path, code, rule, g="export default () => [{ message: typeof evil + typeof Object }];")
    assert ["f", "undefinedfunction"] == sorted(linted(compiler))


def test_a_function_does_not_change_the_document(tmp_path: Path) -> None:
    compiler = allowed(tmp_path, "export default (input) => { input.a.b = 2; input.c = input; };")
    document = read_document('{"a": {"b": 1}}')
    assert () == Linter(compiler.ruleset()).lint(document)
    assert {"a": {"b": 1}} == document.data


def test_the_process_of_functions_has_no_secret_and_may_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIM_SECRET", "MARKED-secret")
    compiler = allowed(tmp_path, "export default () => [];")
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    process = next(child for child in children if b"javascript.process" in Path(f"/proc/{child}/cmdline").read_bytes())
    assert b"MARKED" not in Path(f"/proc/{process}/environ").read_bytes()
    limits = Path(f"/proc/{process}/limits").read_text()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert ("3", "0", "0", "0") == tuple(
        soft[name] for name in ("Max open files", "Max file size", "Max core file size", "Max processes")
    )
    assert {"0", "1", "2"} >= {each.name for each in Path(f"/proc/{process}/fd").iterdir()}
    assert [] == linted(compiler)
