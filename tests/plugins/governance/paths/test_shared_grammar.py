"""The grammar that all dialects have in common: jsonpath-ng and the parser of the dialect read the same out of it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from apim_governance.paths.parser import parse
from apim_governance.paths.shared_grammar import parse_common
from hypothesis import given
from hypothesis import strategies as st

GIVENS = Path(__file__).resolve().parents[4] / "../shared/conformance/spectral-jsonpath/givens.json.gz"

names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_-]{0,4}\Z").filter(lambda name: name not in ("where", "wherenot"))
numbers = st.integers(-20, 20).map(str)
selectors = st.one_of(
    names.map(lambda name: f".{name}"),
    names.map(lambda name: f"..{name}"),
    names.map(lambda name: f"['{name}.x']"),
    st.lists(names, min_size=2, max_size=3).map(lambda some: f"[{','.join(some)}]"),
    numbers.map(lambda number: f"[{number}]"),
    st.tuples(numbers, numbers).map(lambda ends: f"[{ends[0]}:{ends[1]}]"),
    st.sampled_from([".*", "[*]"]),
)


@pytest.mark.skipif(not GIVENS.is_file(), reason="the conformance data is not beside this checkout")
def test_of_the_expressions_of_public_rulesets_those_in_the_common_grammar_are_read_the_same() -> None:
    expressions = [case["given"] for case in json.loads(gzip.decompress(GIVENS.read_bytes()))["expressions"]]
    common = {expression: tree for expression in expressions if (tree := parse_common(expression)) is not None}

    assert {expression: parse(expression) for expression in common} == common
    assert (272, 126) == (len(expressions), len(common))


@given(st.lists(selectors, max_size=6).map(lambda parts: "$" + "".join(parts)))
def test_any_expression_of_the_common_grammar_is_read_the_same(expression: str) -> None:
    assert parse(expression) == parse_common(expression)


@pytest.mark.parametrize("expression", ["$.a.[b]", "$..*.a", "$.a^", "$.a~", "$[?(@.a)]", "$.a|$.b", "a", "$.`this`"])
def test_what_means_something_else_to_others_is_left_to_the_dialect(expression: str) -> None:
    assert parse_common(expression) is None


def test_the_library_is_not_imported_for_rulesets() -> None:
    program = "import sys; import apim_governance.linter; print('jsonpath_ng' in sys.modules)"

    assert "False" == subprocess.check_output([sys.executable, "-c", program], text=True).strip()
