"""Rulesets and documents that are anything at all: what cannot be used is told with its place, and nothing else."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.documents.limits import DEEPEST
from apim_governance.findings import Position
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.globs import glob
from apim_governance.rulesets.reading import Problem, RulesetError, Rulesets
from hypothesis import given, settings
from hypothesis import strategies as st

CATALOGUE: Final = Catalogue()
SOURCE: Final = "/rules/ours.yaml"
WORDS: Final = (
    *("rules", "extends", "aliases", "overrides", "except", "formats", "parserOptions", "functions", "functionsDir"),
    *(
        "documentationUrl",
        "given",
        "then",
        "function",
        "functionOptions",
        "field",
        "severity",
        "message",
        "recommended",
    ),
    *(
        "resolved",
        "tags",
        "files",
        "targets",
        "r",
        "A",
        "duplicateKeys",
        "$",
        "#A",
        "$..a",
        "#A.b",
        "truthy",
        "pattern",
    ),
    *("error", "off", "all", "oas3", "**/*.yaml", "**#/info", "spectral:arazzo", "other.yaml", "x-a", "<<", "$ref", ""),
    *("operation-2xx-response", "operation-default-response", "match", "schema", "type", "description"),
)
SCALARS: Final = st.one_of(
    st.sampled_from(WORDS), st.none(), st.booleans(), st.integers(-2, 5), st.floats(), st.text(max_size=5)
)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
RULES: Final = st.dictionaries(
    st.sampled_from(("r", "s", "operation-2xx-response")),
    VALUES
    | st.fixed_dictionaries(
        {"given": VALUES, "then": VALUES | st.fixed_dictionaries({"function": st.sampled_from(WORDS)})},
        optional={"severity": VALUES, "formats": VALUES, "message": VALUES, "field": VALUES},
    ),
    max_size=3,
)
RULESETS: Final = VALUES | st.fixed_dictionaries(
    {"rules": VALUES | RULES},
    optional={
        "extends": VALUES,
        "aliases": VALUES | st.dictionaries(st.sampled_from(("A", "1", "")), VALUES, max_size=2),
        "formats": VALUES,
        "parserOptions": VALUES,
        "documentationUrl": VALUES,
        "except": VALUES | st.dictionaries(st.sampled_from(("a", "#/b")), VALUES, max_size=2),
        "overrides": VALUES
        | st.lists(
            st.fixed_dictionaries({"files": VALUES | st.just(["**"])}, optional={"rules": RULES, "aliases": VALUES}),
            max_size=2,
        ),
    },
)
TEXTS: Final = st.text(
    st.sampled_from("ab1~:-?,[]{}&*!|>'\"%@`# \n\t\\<.\u00e9\u2028\ufeff\ud83d\x00\U0001f600"), max_size=60
)
YAML: Final = st.lists(
    st.sampled_from(
        (
            "a: ",
            "- ",
            "&x ",
            "*x",
            "<<: ",
            "[",
            "]",
            "{",
            "}",
            "\n",
            "\n  ",
            "'",
            '"',
            "b",
            "? ",
            ": ",
            "!t ",
            "|\n",
        )
    ),
    max_size=25,
).map("".join)
ANYTHING: Final = """\
rules:
  r: {given: '$..*', then: {function: falsy}}
  s: {given: $, resolved: false, then: {function: truthy}}
"""
BOMB: Final = "a: &a [x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 20)}]\n" for old, new in pairwise("abcdefg")
)


def other(_: str) -> str:
    return "rules: {q: {given: $.q, then: {function: truthy}}}"


@settings(deadline=None, max_examples=300)
@given(RULESETS)
def test_any_ruleset_is_compiled_or_refused_with_places(written: Any) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        compiler = Compiler(Rulesets(other, CATALOGUE).define(written, SOURCE), CATALOGUE)
        for source in (None, "/rules/a.yaml"):
            compiled = Linter(compiler.ruleset(source), ignore_unknown_format=True)
            compiled.lint(read_document("openapi: 3.0.0\ninfo: {a: 1}\n", source))
    except RulesetError as refused:
        problems = refused.problems
    for problem in problems:
        assert (True, True) == (problem.message != "", problem.source is not None)
        assert problem.path == () or str(problem.path[0]) in WORDS


@settings(deadline=None, max_examples=300)
@given(TEXTS | YAML)
def test_any_text_is_a_ruleset_or_refused_with_its_file(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        Compiler.of(Rulesets(lambda _: text, CATALOGUE), SOURCE)
    except RulesetError as refused:
        problems = refused.problems
    assert all(problem.source == SOURCE and problem.message for problem in problems)


@settings(deadline=None, max_examples=400)
@given(TEXTS | YAML)
def test_any_text_is_a_document_or_told_to_be_none_with_its_place(text: str) -> None:
    linter = Linter(Compiler.of(Rulesets(lambda _: ANYTHING, CATALOGUE), SOURCE).ruleset())
    document = read_document(text, "a.yaml", as_yaml=True)
    end = document.whole.end

    for finding in linter.lint(document):
        assert "a.yaml" == finding.source
        assert Position(0, 0) <= finding.range.start <= end
        assert finding.range.start <= finding.range.end <= end or finding.path


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("ab*?![](){}|+@,.-/\\^#1"), max_size=20), st.text(st.sampled_from("ab/.1"), max_size=8))
def test_any_pattern_for_files_is_one(pattern: str, path: str) -> None:
    assert glob(pattern).covers(path) in (True, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 10_000, "nested"),
        ("- " * 10_000 + "a", "nested"),
        ('{"a":' * 10_000, "nested"),
        (BOMB, "aliases stand for more"),
        ("a: &a\n  b: *a\n", "leads back"),
        ("a: *none\n", "undefined alias"),
        ("rules: [\n", ""),
        ("rules: {}\n---\nrules: {}\n", "another document"),
    ],
)
def test_a_ruleset_that_is_a_bomb_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(RulesetError) as refused:
        Rulesets(lambda _: text, CATALOGUE).load(SOURCE)

    (problem,) = refused.value.problems
    assert (SOURCE, True, True) == (problem.source, message in problem.message, "(line " in problem.message)


def test_a_document_that_is_nested_as_deep_as_it_may_be_is_read() -> None:
    assert () == read_document("[" * DEEPEST + "]" * DEEPEST).problems


def test_rulesets_that_extend_each_other_without_end_are_refused() -> None:
    def read(name: str) -> str:
        number = int(name.rpartition("/")[2].removesuffix(".yaml"))
        return json.dumps({"extends": [f"{number + 1}.yaml"] * 2})

    with pytest.raises(RulesetError) as refused:
        Rulesets(read, CATALOGUE).load("/rules/0.yaml")

    assert any("rulesets" in problem.message for problem in refused.value.problems)
