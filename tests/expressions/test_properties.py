"""What must hold for every expression and every value."""

import re
import string
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_core.expressions import Environment, EvaluationError, ExpressionError
from apim_core.expressions.equality import equal
from apim_core.expressions.values import UInt

NAMES = ("a", "b", "c")
ENVIRONMENT = Environment.of_names(*NAMES)

LITERALS = [
    "1",
    "-1",
    "0",
    "2u",
    "1.5",
    "0.0",
    "''",
    "'a'",
    "'a.b'",
    "b'x'",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "[1, 'a']",
]
WORDS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "&&",
    "||",
    "==",
    "<",
    "?",
    ":",
    ".",
    ".?",
    ",",
    "(",
    ")",
    "[",
    "[?",
    "]",
    "{",
    "}",
]
TOKENS = [*NAMES, *LITERALS, *WORDS, "in", "`q-r`", "has", "size", "all", "map", "cel", "//", "\n", "1e9", "{{", "}}"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1).map(UInt),
    st.floats(),
    st.text(max_size=8),
    st.text(string.digits + ":.-/abf", max_size=12),
    st.binary(max_size=8),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
    st.ip_addresses(),
    st.sampled_from(
        [ip_network("10.0.0.0/8"), ip_address("::ffff:1.2.3.4"), datetime.min.replace(tzinfo=UTC), object()]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=6,
)

OPERATIONS = """
({0} + {1}) ; ({0} - {1}) ; ({0} * {1}) ; ({0} / {1}) ; ({0} % {1}) ; (-({0})) ; (!({0})) ; ({0} == {1})
({0} != {1}) ; ({0} < {1}) ; ({0} >= {1}) ; ({0} in {1}) ; ({0} && {1}) ; ({0} || {1}) ; ({0} ? {1} : {2})
[{0}, {1}] ; {{{0}: {1}}} ; {0}[{1}] ; ({0})[?{1}] ; ({0}).x ; ({0}).?x ; has(({0}).x) ; size({0}) ; type({0})
string({0}) ; int({0}) ; uint({0}) ; double({0}) ; bool({0}) ; bytes({0}) ; timestamp({0}) ; duration({0})
ip({0}) ; cidr({0}) ; isIP({0}) ; ip.isCanonical({0}) ; ({0}).startsWith({1}) ; ({0}).contains({1})
({0}).matches({1}) ; ({0}).substring({1}, {2}) ; ({0}).charAt({1}) ; ({0}).indexOf({1}, {2})
({0}).lastIndexOf({1}, {2}) ; ({0}).replace({1}, {2}) ; ({0}).replace({1}, {2}, 2) ; ({0}).split({1})
({0}).split({1}, {2}) ; ({0}).join({1}) ; ({0}).trim() ; ({0}).reverse() ; ({0}).upperAscii()
({0}).format([{1}, {2}]) ; '%s %d'.format([{0}, {1}]) ; '%.3f %e'.format([{0}, {1}])
'%x %b'.format([{0}, {1}]) ; strings.quote({0}) ; base64.encode({0}) ; base64.decode({0})
math.greatest({0}, {1}) ; math.least([{0}, {1}]) ; math.abs({0}) ; math.round({0}) ; math.ceil({0})
math.trunc({0}) ; math.sign({0}) ; math.sqrt({0}) ; math.bitAnd({0}, {1}) ; math.bitNot({0})
math.bitShiftLeft({0}, {1}) ; math.bitShiftRight({0}, {1}) ; ({0}).getFullYear() ; ({0}).getHours({1})
({0}).getMilliseconds() ; ({0}).getDayOfYear('+01:00') ; ({0}).containsIP({1}) ; ({0}).containsCIDR({1})
({0}).masked() ; ({0}).prefixLength() ; ({0}).isLoopback() ; optional.of({0}) ; optional.ofNonZeroValue({0})
({0}).orValue({1}) ; ({0}).or({1}) ; ({0}).value() ; ({0}).hasValue() ; ({0}).optMap(v, [v, {1}])
({0}).all(v, v == {1}) ; ({0}).exists(v, v in {1}) ; ({0}).exists_one(v, v < {1}) ; ({0}).map(v, v + {1})
({0}).map(v, v != {1}, [v]) ; ({0}).filter(v, v != {1}) ; ({0}).transformList(k, v, [k, v])
({0}).transformMap(k, v, [v, {1}]) ; ({0}).transformMapEntry(k, v, {{k: {1}}}) ; cel.bind(v, {0}, [v, v, {1}])
optional.unwrap([{0}, {1}])
"""


TEMPLATES = [each.strip() for line in OPERATIONS.strip().splitlines() for each in line.split(" ; ")]


def operation(operands: tuple[str, str, str, str]) -> str:
    template, *rest = operands
    return template.format(*rest)


def expressions(leaves: list[str]) -> st.SearchStrategy[str]:
    leaf = st.sampled_from(leaves)
    return st.recursive(
        leaf,
        lambda inner: st.tuples(st.sampled_from(TEMPLATES), inner, inner, inner).map(operation),
        max_leaves=8,
    )


def expression_error_of(source: str) -> ExpressionError | None:
    try:
        ENVIRONMENT.compile(source)
    except ExpressionError as error:
        return error
    return None


def outcome(source: str, context: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "value", ENVIRONMENT.compile(source).evaluate(context)
    except EvaluationError as error:
        return "error", error.message
    except ExpressionError as error:
        return "refused", error.message


@given(st.text())
def test_random_text_compiles_or_is_refused_with_its_place(source: str) -> None:
    error = expression_error_of(source)
    assert error is None or (0 <= error.offset <= len(source) and str(error))


@given(st.lists(st.sampled_from(TOKENS), max_size=40))
def test_random_tokens_compile_or_are_refused_with_their_place(tokens: list[str]) -> None:
    source = " ".join(tokens)
    error = expression_error_of(source)
    assert error is None or (0 <= error.offset <= len(source) and str(error))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(expressions([*NAMES, *LITERALS]), VALUES, VALUES, VALUES)
def test_evaluation_gives_a_value_or_an_evaluation_error(source: str, a: Any, b: Any, c: Any) -> None:
    kind, told = outcome(source, {"a": a, "b": b, "c": c})
    assert kind in ("value", "error", "refused")
    assert kind == "value" or not told.startswith("a value could not be read"), told


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(expressions([*NAMES, "'s'", "7"]), *[st.sampled_from(LITERALS)] * 3)
def test_a_constant_means_what_a_variable_of_the_same_value_does(source: str, a: str, b: str, c: str) -> None:
    literals = {"a": a, "b": b, "c": c}
    values = {name: Environment({}).compile(literal).evaluate(None) for name, literal in literals.items()}
    inlined = f"cel.bind(unused, 0, {source})"
    for name, literal in literals.items():
        inlined = replaced(inlined, name, literal)
    kind, told = outcome(source, values)
    constant_kind, constant_told = outcome(inlined, {})
    if "refused" in (kind, constant_kind):
        return
    assert kind == constant_kind
    if kind == "value":
        assert type(told) is type(constant_told)
        assert same(told, constant_told)


def replaced(source: str, name: str, literal: str) -> str:
    """The source with a variable's name, where it stands alone, replaced by a literal in brackets."""
    return re.sub(rf"(?<![\w.'`]){name}(?![\w(.'`])", f"({literal})", source)


def same(left: Any, right: Any) -> bool:
    return equal(left, right) or repr(left) == repr(right)


@given(VALUES)
def test_a_value_is_its_own_equal_unless_it_holds_what_has_none(value: Any) -> None:
    kind, told = outcome("a == a", {"a": value})
    assert kind == "error" or told is True or "nan" in repr(value)


@given(st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70))
def test_integers_are_exact_or_an_error(a: int, b: int) -> None:
    for sign, exact in (("+", a + b), ("-", a - b), ("*", a * b)):
        kind, told = outcome(f"a {sign} b", {"a": a, "b": b})
        assert (kind == "value") is (-(2**63) <= exact < 2**63)
        assert kind == "error" or told == exact


@given(st.text())
def test_a_quoted_string_reads_back_as_itself(text: str) -> None:
    kind, quoted = outcome("strings.quote(a)", {"a": text})
    assert "value" == kind
    assert ("value", text) == outcome(quoted, {}) or any("\ud800" <= each <= "\udfff" for each in text)
