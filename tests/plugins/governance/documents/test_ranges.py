"""Where things stand in a text: against the ranges that Spectral tells, and line by line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from apim_governance.documents.document import read_document
from apim_governance.documents.lines import Lines
from apim_governance.findings import Position
from hypothesis import given
from hypothesis import strategies as st

SHARED = Path(__file__).resolve().parents[4] / "../shared/conformance"
ELSEWHERE = ("invalid-ref", "unrecognized-format", "parser")
"""Codes whose range is not that of their path."""


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance data is not beside this checkout")
def test_ranges_in_real_documents_are_those_of_spectral() -> None:
    compared, different = 0, []
    for expected in sorted((SHARED / "spectral-oracle-documents").rglob("*.expected.json.gz")):
        source = expected.with_name(expected.name.removesuffix(".expected.json.gz"))
        document = read_document(source.read_bytes().decode(), source.name)
        for answer in json.loads(gzip.decompress(expected.read_bytes())).values():
            for finding in answer.get("findings", ()):
                if finding["code"] not in ELSEWHERE:
                    found = document.range_of(tuple(finding["path"]))
                    compared += 1
                    if found is None or list(found.numbers()) != finding["range"]:
                        different.append((source.name, finding["path"], finding["range"], found))

    assert [] == different
    assert compared > 50_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize("name", ["stripe.json", "twilio.json", "docker.yaml"])
def test_ranges_in_large_documents_are_those_of_spectrals_command(name: str) -> None:
    text = gzip.decompress((SHARED / "openapi-large" / f"{name}.gz").read_bytes()).decode()
    findings = json.loads(gzip.decompress((SHARED / "openapi-large" / f"{name}.spectral-oas.json.gz").read_bytes()))
    document = read_document(text, name, as_yaml=True)
    problems = {(problem.path, problem.range.numbers()) for problem in document.problems}

    for finding in findings:
        path = tuple(finding["path"])
        if finding["code"] == "parser":
            assert (path, tuple(finding["range"])) in problems
        else:
            found = document.range_of(path)
            assert found is not None
            assert tuple(finding["range"]) == found.numbers()


def places(text: str, path: tuple[str | int, ...], closest: bool = True, **options: Any) -> str | None:
    document = read_document(text, **options)
    found = document.range_of(path, closest)
    if found is None:
        return None
    start, end = (document.lines.offset(position) for position in (found.start, found.end))
    return text[start:end]


def test_a_value_of_json_stands_where_it_stands() -> None:
    text = '{"a": [1, {"b\\"c": "x", "d": {}}], "a2" : null}'

    assert '"x"' == places(text, ("a", 1, 'b"c'))
    assert "{}" == places(text, ("a", "1", "d"))
    assert "null" == places(text, ("a2",))
    assert "[1, " in (places(text, ("a", 7, "z")) or "")
    assert places(text, ("a", 7), closest=False) is None


def test_a_collection_of_yaml_begins_behind_its_name_and_ends_with_the_last_thing_in_it() -> None:
    text = "a:\n  b:\n    - 1\n    - two # comment\n\nc: |\n  text\n  more\n\nd: &x {e: 1}\nf: *x\n"

    assert "\n    - 1\n    - two" == places(text, ("a", "b"))
    assert "two" == places(text, ("a", "b", 1))
    assert "|\n  text\n  more\n" == places(text, ("c",))


def test_a_name_that_is_merged_in_stands_where_it_was_written() -> None:
    text = "base: &base\n  a: 1\nuse:\n  <<: *base\n  b: 2\n"

    assert "1" == places(text, ("use", "a"))
    assert {"a": 1, "b": 2} == read_document(text).data["use"]


@given(st.text(st.sampled_from("ab\n\r€😀"), max_size=40), st.data())
def test_lines_count_as_editors_do(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    before = text[:offset].split("\n")

    position = Lines(text).position(offset)

    assert Position(len(before) - 1, len(before[-1].encode("utf-16-le")) // 2) == position
    assert offset == Lines(text).offset(position)


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("x: &it b c\ny: *it\n", ("x",), "b c"),
        ("x: &it b c\ny: *it\n", ("y",), " *it"),
        ("x: &it b c\ny: *it\n", (), "x: &it b c\ny: *it"),
        ("x: [&it {a: 1}, *it ]\n", ("x", 0), "{a: 1"),
        ("x: [&it {a: 1}, *it ]\n", ("x", 1), "it"),
        ("x: &it {a: 1}\ny: *it\n", ("x",), " &it {a: 1"),
        ("x: &it {a: 1}\ny: *it\n", ("y",), " *it"),
        ("x: &it\n  a: 1\ny: *it\n", ("x",), " &it\n  a: 1"),
        ("x: &it\ny: 1\n", ("x",), ""),
        ("x: !t 'a'\n", ("x",), "'a'"),
    ],
)
def test_anchors_and_tags_do_not_belong_to_what_they_name(text: str, path: tuple[str | int, ...], found: str) -> None:
    assert found == places(text, path)


def test_what_stands_in_an_alias_is_told_where_it_is_written() -> None:
    assert "1" == places("x: &it {a: 1}\ny: *it\n", ("y", "a"))
