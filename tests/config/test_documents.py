"""YAML 1.2 and JSON text -> plain data."""

import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config.documents import Bounds, DocumentError, parse
from apim_core.config.interpolation import SecretReference


def read(text: str, **options: Any) -> Any:
    return parse(text.encode(), "file.yaml", **options)


def problem(text: str | bytes, **options: Any) -> tuple[int | None, int | None, str, str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(DocumentError) as refusal:
        parse(content, "file.yaml", **options)
    (only,) = refusal.value.problems
    return only.line, only.column, only.pointer, only.message


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc/~ :#-01", max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(plain)
def test_json_reads_as_json_whichever_reader_takes_it(data: Any) -> None:
    text = json.dumps(data, ensure_ascii=False)

    assert data == read(text)
    assert data == read(f"# a comment makes it YAML\n{text}")


@settings(deadline=None)
@given(plain)
def test_what_another_yaml_writer_writes_is_read_back(data: Any) -> None:
    assert {"data": data} == read(yaml.safe_dump({"data": data}, allow_unicode=True))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(DocumentError):
        parse(content, "file.yaml", environment={})


@settings(deadline=None)
@given(st.text("ab:-[]{}&*!|>'\"#%@`?, \n\t0${}env", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(DocumentError):
        read(text, environment={})


def test_keys_are_always_text() -> None:
    assert {"200": 1, "true": 2, "~": 3, "1.0": 4, "NO": 5} == read("200: 1\ntrue: 2\n~: 3\n1.0: 4\nNO: 5")


def test_an_empty_document_is_nothing() -> None:
    assert [None, None, None] == [read(""), read("# only a comment\n"), read("---\n...\n")]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbfa: 1", "file.yaml") == {"a": 1}


def test_the_core_tags_are_obeyed() -> None:
    text = 'a: !!str 12\nb: !!int "12"\nc: !!float 1\nd: !!map {}\ne: !!seq []'

    assert {"a": "12", "b": 12, "c": 1, "d": {}, "e": []} == read(text)


def test_an_alias_stands_for_the_same_data() -> None:
    assert {"a": {"x": 1}, "b": {"x": 1}} == read("a: &anchor {x: 1}\nb: *anchor")


def test_a_key_may_be_an_alias_of_text() -> None:
    assert {"a": "b", "b": 1} == read("a: &anchor b\n*anchor : 1")


def test_a_whole_unquoted_reference_is_read_like_plain_text() -> None:
    assert {"a": 4, "b": "4", "c": "4s"} == read('a: ${env:N}\nb: "${env:N}"\nc: ${env:N}s', environment={"N": "4"})


def test_a_secret_is_kept_as_a_reference() -> None:
    assert {"a": SecretReference("vault", "key")} == read("a: ${secret:vault/key}", environment={})


def test_references_stay_as_they_are_without_an_environment() -> None:
    assert {"a": "${env:N}"} == read("a: ${env:N}")


@pytest.mark.parametrize("text", ["{a: 1, a: 2}", '{"a": 1, "a": 2}', "a: 1\na: 2", '1: a\n"1": b', "{a: 1, ? a : 2}"])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    *_, message = problem(text)

    assert message.endswith("stands twice in this mapping")


@pytest.mark.parametrize(
    ("text", "line", "column", "pointer", "message"),
    [
        ("a: 1\nb: [2, !tag 3]", 2, 8, "/b/1", "the tag !tag is not known here"),
        ("a: !!binary aGk=", 1, 4, "/a", "the tag !!binary is not known here"),
        ("a: !!int x", 1, 4, "/a", "'x' is tagged !!int and is none"),
        ("a: &x [*x]", 1, 8, "/a/0", "the alias *x stands inside its own anchor"),
        ("a: *x", 1, 4, "/a", "the alias *x has no anchor above it"),
        ("? [a]\n: 1", 1, 3, "", "a key must be text, not a mapping or a list"),
        ("a: 1\n---\nb: 1", 2, 1, "", "a second document begins here"),
        ("a/b:\n  m~n: *x", 2, 8, "/a~1b/m~0n", "the alias *x has no anchor above it"),
    ],
)
def test_a_refusal_names_the_place(text: str, line: int, column: int, pointer: str, message: str) -> None:
    assert (line, column, pointer, message) == problem(text)


def test_bytes_that_are_no_utf_8_are_refused_with_their_line() -> None:
    assert problem(b"a: 1\nb\xff: 2") == (2, None, "", "byte 6 is not UTF-8")


def test_control_characters_are_refused_with_their_place() -> None:
    assert problem("a: 1\nb: \x01") == (2, 4, "", "the control character U+0001 is not allowed in YAML")


def test_all_that_can_be_said_is_said_at_once() -> None:
    with pytest.raises(DocumentError) as refusal:
        read("a: !x 1\nb: 1\nb: 2\nc: ${env:N}", environment={})

    assert ["/a", "/b", "/c"] == [each.pointer for each in refusal.value.problems]


@pytest.mark.parametrize("text", ["[" * 101, "{a: " * 101, "[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101])
def test_too_deep_a_document_is_refused(text: str) -> None:
    *_, message = problem(text)

    assert "the document is nested more than 100 levels deep" == message


def test_a_hundred_levels_are_not_too_deep() -> None:
    assert json.loads("[" * 100 + "]" * 100) == read("[" * 100 + "]" * 100)


def test_too_large_a_document_is_refused_unread() -> None:
    *_, message = problem("a: 12345", bounds=Bounds(size=7))

    assert "the file has more than the 7 bytes that are read" == message


def test_a_document_that_repeats_itself_by_aliases_without_end_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    *_, message = problem("\n".join(lines))

    assert "the aliases of this document repeat more than 100000 nodes" == message
