"""RFC 9535: the JSONPath Compliance Test Suite, all of it, and what hostile expressions come to."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from apim_governance.paths.regexps import finds, is_matched
from apim_governance.paths.strict import parse_strict
from apim_governance.paths.strict_evaluation import find_strict, normalised
from apim_governance.paths.syntax import PathSyntaxError
from hypothesis import given
from hypothesis import strategies as st

SUITE = Path(__file__).resolve().parents[4] / "../shared/conformance/jsonpath-cts/cts.json"
CASES: list[dict[str, Any]] = json.loads(SUITE.read_text("utf-8"))["tests"] if SUITE.is_file() else []


def test_the_suite_is_complete() -> None:
    assert len(CASES) in (0, 703)


@pytest.mark.parametrize("case", [case for case in CASES if "document" in case], ids=lambda case: case["name"])
def test_an_expression_finds_what_the_suite_says(case: dict[str, Any]) -> None:
    found = find_strict(parse_strict(case["selector"]), case["document"])

    answers = case["results"] if "results" in case else [case["result"]]
    paths = case["results_paths"] if "results" in case else [case["result_paths"]]
    assert ([value for _, value in found], [normalised(path) for path, _ in found]) in list(
        zip(answers, paths, strict=True)
    )


@pytest.mark.parametrize("case", [case for case in CASES if "document" not in case], ids=lambda case: case["name"])
def test_what_the_suite_calls_invalid_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PathSyntaxError):
        parse_strict(case["selector"])


@given(st.text(alphabet="$@.*[]()?!&|=<>'\"\\ 0a,:-u", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(PathSyntaxError):
        find_strict(parse_strict("$" + text), {"a": [0, {"a": "u"}]})


names = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(names, inner)))
def test_a_normalised_path_finds_its_node(document: Any) -> None:
    for path, value in find_strict(parse_strict("$..*"), document):
        assert [(path, value)] == find_strict(parse_strict(normalised(path)), document)


@pytest.mark.parametrize("expression", ["$[?" + "(" * 500 + "@.a" + ")" * 500 + "]", "$[?@" * 500, "$" + ".a" * 9000])
def test_what_is_nested_too_deep_or_too_long_is_refused(expression: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_strict(expression)


def test_documents_of_any_depth_are_searched() -> None:
    document: Any = 1
    for _ in range(2_000):
        document = [document]

    assert 2_000 == len(find_strict(parse_strict("$..*"), document[0])) + 1


@pytest.mark.parametrize("expression", ["*a", "a**", "(", ")", "[a", "[]", "[a-]b]", r"\d", r"\p{Xx}", "a{2,1}", "a|*"])
def test_what_is_no_regular_expression_matches_nothing(expression: str) -> None:
    assert not finds("a", expression)


@pytest.mark.parametrize(
    ("text", "expression"),
    [("a", "^a$"), ("ab", "(a|b){2}"), ("é", r"\p{Ll}"), ("-", "[a-]"), ("-", "[-a]"), ("b", "[^a]"), ("\t", r"\t")],
)
def test_regular_expressions_are_those_of_rfc_9485(text: str, expression: str) -> None:
    assert is_matched(text, expression)
