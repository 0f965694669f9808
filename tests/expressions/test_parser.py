"""What an expression may look like, and what the parser says about one that may not."""

import pytest

from apim_core.expressions import ExpressionError, Limits
from apim_core.expressions.nodes import Call, Index, Literal, Logical, Name, Select
from apim_core.expressions.parser import parse


def error_of(source: str, limits: Limits = Limits()) -> ExpressionError:  # noqa: B008  # frozen
    with pytest.raises(ExpressionError) as caught:
        parse(source, limits)
    return caught.value


def test_multiplication_binds_closer_than_addition() -> None:
    expected = Call(2, "_+_", (Literal(0, 1), Call(6, "_*_", (Literal(4, 2), Literal(8, 3)))))
    assert expected == parse("1 + 2 * 3", Limits())


def test_operators_of_one_precedence_group_from_the_left() -> None:
    expected = Call(6, "_-_", (Call(2, "_-_", (Literal(0, 3), Literal(4, 2))), Literal(8, 1)))
    assert expected == parse("3 - 2 - 1", Limits())


def test_a_chain_of_one_logical_operator_is_one_node() -> None:
    node = parse("a && b && (c && d)", Limits())
    assert isinstance(node, Logical)
    assert ["a", "b", "c", "d"] == [term.name for term in node.terms if isinstance(term, Name)]


def test_a_selection_and_an_index_remember_whether_they_are_optional() -> None:
    expected = Index(4, Select(3, Name(0, "a"), "b", optional=True), Literal(6, "c"), optional=True)
    assert expected == parse("a.?b[?'c']", Limits())


def test_the_smallest_integer_is_a_literal() -> None:
    assert Literal(1, -(2**63)) == parse("-9223372036854775808", Limits())


def test_a_quoted_field_may_hold_dashes_and_slashes() -> None:
    assert Select(2, Name(0, "a"), "b-c/d.e") == parse("a.`b-c/d.e`", Limits())


def test_reserved_words_are_fields_but_not_variables() -> None:
    assert Select(2, Name(0, "a"), "for") == parse("a.for", Limits())
    assert "'for' is a reserved word" == error_of("for").message


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("", "expected an expression but found the end", 1, 1),
        ("1 +", "expected an expression but found the end", 1, 4),
        ("(1", "expected ')' but found the end", 1, 3),
        ("a b", "unexpected 'b' after the expression", 1, 3),
        ("a &&\n  )", "expected an expression but found ')'", 2, 3),
        ("'abc", "the string is not closed", 1, 1),
        ("'a\nb'", "the string is not closed", 1, 1),
        (r"'\q'", r"unknown escape '\\q'; write '\\' for a backslash, or use r'...'", 1, 1),
        (r"'\ud800'", r"the escape \ud800 is no Unicode character", 1, 1),
        (r"b'\u0041'", r"the escape \u0041 has no meaning in bytes; use \x", 1, 1),
        ("a = 1", "unexpected character '='", 1, 3),
        ("9223372036854775808", "the number does not fit a 64-bit integer", 1, 1),
        ("18446744073709551616u", "the number does not fit an unsigned 64-bit integer", 1, 1),
        ("1e999", "the number does not fit a double", 1, 1),
        ("9" * 5000, "a number has at most 400 characters", 1, 1),
        ("12ab", "'a' cannot follow a number", 1, 3),
        ("-1u", "an unsigned number has no sign", 1, 2),
        ("!-1", "'-' cannot follow '!'", 1, 2),
        ("a.true", "'true' is a reserved word", 1, 3),
        ("a.'b'", "expected a field name but found \"'b'\"", 1, 3),
        ("Type{field: 1}", "there are no message types to construct", 1, 5),
        ("[1, , 2]", "expected an expression but found ','", 1, 5),
        ("{'a'}", "expected ':' but found '}'", 1, 5),
    ],
)
def test_an_error_says_what_is_wrong_and_where(source: str, message: str, line: int, column: int) -> None:
    error = error_of(source)
    assert (message, line, column) == (error.message, error.line, error.column)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("a = 1", "compare with '=='"),
        ("a & b", "write '&&'"),
        ("a and b", "write '&&'"),
        ("a or b", "write '||'"),
        ("'abc", "close it with '"),
    ],
)
def test_an_error_says_how_to_mend_it(source: str, hint: str) -> None:
    assert hint == error_of(source).hint


def test_the_text_of_an_error_points_at_the_place() -> None:
    expected = "unexpected character '=' (line 2, column 3); compare with '=='\n  a = 1\n    ^"
    assert expected == str(error_of("true ||\na = 1"))


@pytest.mark.parametrize(
    "source",
    [
        "(" * 101 + "1" + ")" * 101,
        "[" * 101 + "]" * 101,
        "a" + ".b" * 101,
        "1" + " + 1" * 101,
        "!" * 101 + "true",
        "f(" * 101 + ")" * 101,
        "true ? 1 : " * 101 + "2",
        "a[" * 101 + "0" + "]" * 101,
        "a||b&&c==d+e*(" * 101 + "f" + ")" * 101,
    ],
)
def test_nesting_is_bounded(source: str) -> None:
    assert "the expression is nested more than 100 levels deep" == error_of(source).message


def test_a_long_chain_of_one_logical_operator_is_not_nesting() -> None:
    node = parse(" && ".join(["true"] * 2000), Limits())
    assert isinstance(node, Logical)
    assert 2000 == len(node.terms)


def test_the_length_of_the_text_is_bounded() -> None:
    limits = Limits(source_length=10)
    assert Literal(0, 1_111_111_111) == parse("1" * 10, limits)
    assert "the expression is longer than 10 characters" == error_of("1 + 1 + 1 + 1", limits).message
    assert "the expression is longer than 10 characters" == error_of("1" * 11, limits).message


def test_the_size_of_literals_and_calls_is_bounded() -> None:
    limits = Limits(literal_elements=2)
    assert "the list has more than 2 elements" == error_of("[1, 2, 3]", limits).message
    assert "the map has more than 2 entries" == error_of("{1: 1, 2: 2, 3: 3}", limits).message
    assert "a call has more than 2 arguments" == error_of("f(1, 2, 3)", limits).message
