"""Functions in JavaScript, as a ruleset has them: what they get, what they answer, what they may not do."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest
from apim_governance.documents.document import read_document
from apim_governance.findings import Finding
from apim_governance.guarded import files_below
from apim_governance.javascript import scripts
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.model import Ruleset
from apim_governance.rulesets.reading import RulesetError, Rulesets

DOCUMENT = """\
openapi: 3.1.0
info: {title: Orders, version: "1"}
paths:
  /a: {get: {parameters: [{name: x}, {$ref: "#/components/parameters/y"}]}}
components: {parameters: {y: {name: y}}}
"""
CORE = "import { createRulesetFunction } from '@stoplight/spectral-core';\n"


TITLE = "{given: $.info.title, then: {function: f}}"


def ruleset(folder: Path, code: str, rule: str = TITLE, head: str = "functions: [f]") -> Ruleset:
    (folder / "functions").mkdir(exist_ok=True)
    (folder / "functions" / "f.js").write_text(code)
    (folder / "ours.yaml").write_text(f"{head}\nrules: {{r: {rule}}}\n")
    rulesets = Rulesets(files_below([folder]), scripts=scripts(True))
    return Compiler.of(rulesets, str(folder / "ours.yaml")).ruleset()


def lint(rules: Ruleset, text: str = DOCUMENT) -> tuple[Finding, ...]:
    return Linter(rules).lint(read_document(text, "api.yaml"))


def found(folder: Path, code: str, rule: str = TITLE) -> list[tuple[str, str]]:
    findings = lint(ruleset(folder, code, rule))
    return [(finding.message, "/".join(map(str, finding.path))) for finding in findings]


def refused(folder: Path, code: str, rule: str = TITLE) -> str:
    with pytest.raises(RulesetError) as caught:
        found(folder, code, rule)
    return "; ".join(problem.message for problem in caught.value.problems)


def test_results_are_findings_where_the_rule_looks_or_where_they_say(tmp_path: Path) -> None:
    code = "export default (input) => [{ message: `saw ${input}` }, { message: 'there', path: ['info', 'version'] }];"
    assert [("saw Orders", "info/title"), ("there", "info/version")] == found(tmp_path, code)


def test_a_message_of_the_rule_is_filled_with_what_the_function_says(tmp_path: Path) -> None:
    rule = "{given: $.info.title, message: '{{property}}: {{error}} ({{value}})', then: {function: f}}"
    assert [("title: no good (Orders)", "info/title")] == found(
        tmp_path, "module.exports = () => [{ message: 'no good' }];", rule
    )


@pytest.mark.parametrize("answer", ["undefined", "null", "[]"])
def test_nothing_is_found_where_nothing_is_answered(tmp_path: Path, answer: str) -> None:
    assert [] == found(tmp_path, f"export default () => {answer};")


def test_it_gets_options_and_the_context_of_spectral(tmp_path: Path) -> None:
    code = """export default (input, options, context) => [{ message: JSON.stringify([
      options, context.path, context.rule.name, context.document.data.info.version,
      context.documentInventory.unresolved.paths['/a'].get.parameters[1],
      context.documentInventory.resolved.paths['/a'].get.parameters[1],
      context.document.formats.has('oas3.1'),
    ]) }];"""
    rule = "{given: '$.paths[*].get.parameters[0]', then: {field: name, function: f, functionOptions: {a: [1, null]}}}"
    place = '["paths","/a","get","parameters",0,"name"]'
    said = f'[{{"a":[1,null]}},{place},"r","1",{{"$ref":"#/components/parameters/y"}},{{"name":"y"}},true]'
    assert [(said, "paths//a/get/parameters/0/name")] == found(tmp_path, code, rule)


def test_without_options_it_gets_null_and_for_what_is_not_there_undefined(tmp_path: Path) -> None:
    code = "export default (input, options) => [{ message: `${typeof input} ${options}` }];"
    rule = "{given: $.info, then: {field: missing, function: f}}"
    assert ["undefined null"] == [message for message, _ in found(tmp_path, code, rule)]


def test_one_linter_shows_each_document_to_a_function(tmp_path: Path) -> None:
    linter = Linter(ruleset(tmp_path, "export default (i, o, c) => [{ message: c.document.data.info.title }];"))
    for title in ("one", "two", "one"):
        (finding,) = linter.lint(read_document(DOCUMENT.replace("Orders", title), "api.yaml"))
        assert title == finding.message


def test_it_may_be_called_by_several_threads(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, "export default (input) => [{ message: input }];")
    told: list[str] = []

    def work(title: str) -> None:
        told.extend(finding.message for finding in lint(rules, DOCUMENT.replace("Orders", title)))

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert [f"t{number}" for number in range(8)] == sorted(told)


DECLARED = (
    CORE
    + """export default createRulesetFunction({
  input: { type: 'string' },
  options: {
    type: 'object', required: ['most'], additionalProperties: false, properties: { most: { type: 'integer' } },
  },
}, (input, { most }) => input.length > most ? [{ message: `more than ${most}` }] : undefined);
"""
)


def with_options(options: str, given: str = "$.info.title") -> str:
    return f"{{given: {given}, then: {{function: f, functionOptions: {options}}}}}"


def test_a_declared_function_is_called_with_options_that_are_valid(tmp_path: Path) -> None:
    assert [("more than 3", "info/title")] == found(tmp_path, DECLARED, with_options("{most: 3}"))
    assert [] == found(tmp_path, DECLARED, with_options("{most: 6}"))


def test_a_declared_function_is_not_called_with_another_input(tmp_path: Path) -> None:
    assert [] == found(tmp_path, DECLARED, with_options("{most: 0}", "$.paths"))


def test_another_input_is_told_where_it_is_wanted(tmp_path: Path) -> None:
    code = DECLARED.replace("input: {", "errorOnInvalidInput: true, input: {")
    ((message, path),) = found(tmp_path, code, with_options("{most: 0}", "$.paths"))
    assert ("paths", True) == (path, "string" in message)


@pytest.mark.parametrize(
    ("options", "message", "place"),
    [
        ("{most: a}", '"f" function and its "most" option must be integer', "rules/r/then/functionOptions/most"),
        ("{most: 1, x: 2}", '"f" function does not support "x" option', "rules/r/then/functionOptions/x"),
        (
            "{}",
            "\"f\" function has invalid options specified: must have required property 'most'",
            "rules/r/then/functionOptions",
        ),
        ("null", '"f" function has invalid options specified: must be object', "rules/r/then/functionOptions"),
    ],
)
def test_options_that_are_not_as_declared_are_a_mistake_of_the_ruleset(
    tmp_path: Path, options: str, message: str, place: str
) -> None:
    with pytest.raises(RulesetError) as caught:
        ruleset(tmp_path, DECLARED, with_options(options))
    (problem,) = caught.value.problems
    assert (message, place, "invalid-function-options") == (
        problem.message,
        "/".join(map(str, problem.path)),
        problem.code,
    )


def test_a_function_that_takes_no_options_gets_none(tmp_path: Path) -> None:
    code = CORE + "export default createRulesetFunction({ input: null, options: null }, () => []);"
    assert [] == found(tmp_path, code)
    assert '"f" function does not accept any options' == refused(tmp_path, code, with_options("{a: 1}"))


def test_a_ruleset_may_have_the_schema_of_the_options(tmp_path: Path) -> None:
    head = "functions: [[f, {type: object, properties: {a: {type: string}}}]]"
    with pytest.raises(RulesetError, match='"f" function and its "a" option must be string'):
        ruleset(tmp_path, "export default () => [];", with_options("{a: 1}"), head)


def test_functions_are_in_the_folder_that_the_ruleset_names(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "g.js").write_text("export default () => [{ message: 'g' }];")
    rules = ruleset(tmp_path, "", "{given: $.info, then: {function: g}}", "functionsDir: ./ours\nfunctions: [g]")
    assert ["g"] == [finding.message for finding in lint(rules)]


def test_a_ruleset_calls_functions_of_what_it_extends(tmp_path: Path) -> None:
    ruleset(tmp_path, "export default () => [{ message: 'of the base' }];")
    (tmp_path / "more.yaml").write_text(
        "extends: ours.yaml\nrules: {s: {given: $.info.version, then: {function: f}}}\n"
    )
    rulesets = Rulesets(files_below([tmp_path]), scripts=scripts(True))
    findings = lint(Compiler.of(rulesets, str(tmp_path / "more.yaml")).ruleset())
    assert [("r", "of the base"), ("s", "of the base")] == [(finding.code, finding.message) for finding in findings]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("export default () => { throw new Error('no good'); }", 'Function "f" threw an exception: Error: no good'),
        ("export default (i) => i.a.b.c", 'Function "f" threw an exception: TypeError: '),
        ("export default async () => []", "it is asynchronous, which is not supported"),
        ("export default () => 'text'", "it must answer a list of {message, path}, or nothing"),
        ("export default () => [{ message: 'a', path: 'info' }]", "a path must be a list of names and numbers"),
        ("export default () => [{ message: 'a', path: [{}] }]", "a path must be a list of names and numbers"),
        ("export default () => [{ message: 'a', path: [1.5] }]", "a path must be a list of names and numbers"),
        ("export default () => [null]", "TypeError"),
    ],
)
def test_what_a_function_does_wrong_ends_the_run(tmp_path: Path, code: str, message: str) -> None:
    assert message in refused(tmp_path, code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("export default (", "the function 'f': it cannot be loaded: SyntaxError"),
        ("export default 7", "it has no function as its default export"),
        ("", "it has no function as its default export"),
        (
            "import { pattern } from '@stoplight/spectral-functions'",
            'it imports "@stoplight/spectral-functions"',
        ),
        ("import x from './other.js'; export default x", 'it imports "./other.js"'),
        ("const fs = require('fs'); module.exports = fs.readFileSync", 'it imports "fs"'),
        ("export * from 'fs'", "line 1: it exports what another module has"),
        (
            CORE + "export default createRulesetFunction({ options: { type: 'wrong' } }, () => [])",
            '"f" function: schema is invalid: data/type must be',
        ),
        ("throw 1", "it cannot be loaded: 1"),
        ("x".ljust(1024 * 1024 + 1, "x"), "at most 1,048,576 characters"),
    ],
)
def test_a_file_that_is_no_function_is_a_mistake_of_the_ruleset(tmp_path: Path, code: str, message: str) -> None:
    assert message in refused(tmp_path, code)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("functions: [g]", "the function 'g' cannot be read"),
        ("functions: [../f]", "must be the name of a function"),
        ("functions: {f: 1}", '"functions" must be a list'),
        ("functions: [[f, 7]]", "must be the name of a function"),
        ("functions: [f]\nfunctionsDir: ../../../../../../../../etc", "in none of the folders"),
        ("functions: [f]\nfunctionsDir: https://example.com", "is not fetched here"),
    ],
)
def test_a_function_that_cannot_be_found_is_a_mistake_of_the_ruleset(tmp_path: Path, head: str, message: str) -> None:
    with pytest.raises(RulesetError) as caught:
        ruleset(tmp_path, "export default () => [];", head=head)
    assert message in str(caught.value)


def test_results_are_bounded(tmp_path: Path) -> None:
    code = "export default () => Array.from({ length: 5000 }, (_, n) => ({ message: `${n}` }));"
    assert 1_000 == len(found(tmp_path, code))


def test_numbers_that_json_does_not_have_are_null(tmp_path: Path) -> None:
    rules = ruleset(
        tmp_path, "export default (input) => [{ message: JSON.stringify(input) }];", "{given: $.x, then: {function: f}}"
    )
    assert ['[null,null,"NaN"]'] == [each.message for each in lint(rules, "openapi: 3.1.0\nx: [.nan, .inf, 'NaN']\n")]


def test_a_linter_that_goes_ends_its_process(tmp_path: Path) -> None:
    before = set(os.listdir("/proc"))
    rules = ruleset(tmp_path, "export default () => [];")
    assert [] == list(lint(rules))
    started = [int(name) for name in set(os.listdir("/proc")) - before if name.isdigit() and _is_ours(int(name))]
    assert 1 == len(started)
    del rules
    gc.collect()
    assert not _is_ours(started[0])


def _is_ours(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return os.getpid() == int(status[1]) and b"apim_governance.javascript.process" in command
    except OSError:
        return False
