"""What expressions evaluate to, where the conformance data says little: Python values, folding, bounds, messages."""

from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any

import pytest

from apim_core.expressions import Environment, EvaluationError, ExpressionError, Limits


def value_of(source: str, **variables: Any) -> Any:
    return Environment.of_names(*variables).compile(source).evaluate(variables)


def message_of(source: str, **variables: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        value_of(source, **variables)
    return caught.value.message


class Text(str):
    """A string of another class, such as a multi-dict's."""


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), "x == timestamp('2026-01-02T03:04:05.678Z')"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "x.getHours() == 1"),
        (datetime(2026, 1, 2, 3), "x < timestamp('2026-01-02T03:00:01Z')"),  # the naive one is meant
        (timedelta(minutes=90), "x == duration('1h30m') && x.getMinutes() == 90 && x + x == duration('3h')"),
        (ip_address("10.1.2.3"), "x == ip('10.1.2.3') && cidr('10.0.0.0/8').containsIP(x) && x.family() == 4"),
        (ip_network("10.0.0.0/8"), "x == cidr('10.0.0.0/8') && x.containsIP('10.1.2.3') && type(x) == net.CIDR"),
        (
            Text("gold"),
            "x == 'gold' && x.startsWith('go') && x in ['gold'] && {'gold': 1}[x] == 1 && type(x) == string",
        ),
        (Color.RED, "x == 'red' && 'red' == x && string(x) == 'red'"),
        (Level.HIGH, "x == 3 && x + 1 == 4 && [1, 2, 3, 4][x] == 4"),
        (bytearray(b"ab"), "x == b'ab' && x.size() == 2"),
        (frozenset({"a", "b"}), "'a' in x && x.size() == 2 && x.exists(each, each == 'b')"),
        (["a", ("b", "c")], "x[1][0] == 'b' && x == ['a', ['b', 'c']]"),
        (OrderedDict(a=1), "x.a == 1 && 'a' in x && x == {'a': 1} && has(x.a) && !has(x.b)"),
        (MappingProxyType({"a": {"b": 1}}), "x.a.b == 1"),
        ({True: "yes"}.keys(), "true in x"),
        (2**70, "x > 9223372036854775807 && x != 1.0"),
        (10**400, "x > 1e300"),
    ],
)
def test_values_of_python_have_their_meaning(value: Any, condition: str) -> None:
    assert value_of(condition, x=value) is True


def test_an_object_without_a_meaning_is_an_error() -> None:
    assert "a Python value of type object has no meaning in an expression" == message_of("x == 1", x=object())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x.y", "no such key: 'y'"),
        ("x['y']", "no such key: 'y'"),
        ("x[true]", "no such key: true"),
        ("1 + 'a'", "no such overload: int + string"),
        ("-'a'", "no such overload: -string"),
        ("'a'.startsWith(1)", "no such overload: string.startsWith(int)"),
        ("math.ceil('a')", "no such overload: math.ceil(string)"),
        ("null.size()", "no such overload: null_type.size()"),
        ("'a' < 1", "no such overload: string < int"),
        ("1 in 'abc'", "no such overload: int in string"),
        ("'a' in 'abc'", "no such overload: string in string"),
        ("'a' in null", "no such overload: string in null_type"),
        ("!null", "no such overload: ! on null_type, which is not a bool"),
        ("null.field", "null_type has no fields, so there is no .field"),
        ("[1][1]", "index out of range: 1 in a list of 1"),
        ("[1][-1]", "index out of range: -1 in a list of 1"),
        ("[1]['a']", "a list has no index 'a' of type string"),
        ("1.all(x, true)", "no such overload: a macro over int, which is neither list nor map"),
        ("[1].all(x, 1)", "no such overload: a macro's condition on int, which is not a bool"),
        ("{'a': 1, 'a': 2}", "the map has a repeated key: 'a'"),
        ("optional.none().value()", "optional.none() has no value()"),
        ("[?1]", "an optional element must be an optional value, not int"),
        ("int('12x')", "type conversion error: '12x' is no integer"),
        ("duration('1 hour')", "'1 hour' is no duration; write for instance 1h30m, 1.5s or 300ms"),
        ("base64.decode('*')", "base64.decode: Only base64 data is allowed"),
    ],
)
def test_an_evaluation_error_says_what_does_not_fit(source: str, message: str) -> None:
    assert message == message_of(source, x={})


@pytest.mark.parametrize("zone", ["Moon/Crater", "../etc/passwd", "/etc/localtime", "America", "", "+25:00", "a\0b"])
def test_what_is_no_time_zone_is_an_error(zone: str) -> None:
    assert message_of("timestamp(0).getHours(x)", x=zone).endswith("write for instance Europe/Berlin or +02:00")


def test_a_long_value_is_cut_in_a_message() -> None:
    assert len(message_of("{'a': 1}[x]", x="k" * 1000)) < 100


def test_true_and_one_are_different_keys() -> None:
    assert ("a", "b") == value_of("[{true: 'a', 1: 'b'}].map(m, m[true] + ',' + m[1])[0].split(',')")
    assert message_of("{1: 'b'}[true]")
    assert message_of("{true: 'b'}[1]")


def test_a_not_a_number_is_unequal_even_in_lists() -> None:
    assert value_of("[x] != [x] && !(x in [x])", x=float("nan"))


def test_an_error_in_one_operand_does_not_matter_if_another_decides() -> None:
    assert value_of("1 / x == 1 || true && x == 0", x=0)
    assert value_of("(1 / x == 1 && x != 0) == false", x=0)
    assert value_of("[0, 1].exists(each, 1 / each == 1)")


def test_constants_are_computed_when_compiling() -> None:
    program = Environment({}).compile("'a' + 'b' == 'ab' && 2 * 3 in [6] && 'x'.upperAscii() == 'X'")
    assert program.evaluate(None) is True


def test_a_constant_that_fails_still_fails_when_evaluated() -> None:
    program = Environment({}).compile("1 / 0 > 0")
    for _ in range(2):
        with pytest.raises(EvaluationError, match="division by zero"):
            program.evaluate(None)


@pytest.mark.parametrize(
    "source",
    [
        "x == 'a' ? {'b': 1} : {}",
        "{'a': {'b': 1}}[x]",
        "{'a': [{'b': 1}]}[x][0]",
        "{'a': {'b': 1}}.a",
        "[{'b': 1}][0]",
        "optional.of({'b': 1}).value()",
        "optional.of([{'b': 1}]).orValue([])[0]",
    ],
)
def test_a_map_that_is_given_away_is_not_shared(source: str) -> None:
    program = Environment.of_names("x").compile(source)
    expected = {"b": 1}
    program.evaluate({"x": "a"})["b"] = 2
    assert expected == program.evaluate({"x": "a"})


def test_a_constant_pattern_is_compiled_with_the_expression() -> None:
    assert value_of("x.matches('^/orders/[0-9]+$')", x="/orders/17")
    with pytest.raises(ExpressionError, match="is no regular expression"):
        Environment.of_names("x").compile("x.matches('(')")


def test_a_pattern_from_a_variable_is_compiled_when_evaluated() -> None:
    assert value_of("x.matches(p)", x="ab", p="a.")
    assert "is no regular expression (RE2)" in message_of("x.matches(p)", x="ab", p="(")


def test_patterns_take_linear_time() -> None:
    assert value_of("x.matches('^(a+)+$')", x="a" * 50_000 + "b") is False


def test_text_that_has_no_utf8_form_is_an_error_and_no_crash() -> None:
    for source in ("x.matches('a')", "bytes(x)", "'a'.matches(x)"):
        assert message_of(source, x="\udc80")


def test_the_macros_may_visit_a_bounded_number_of_elements() -> None:
    environment = Environment({"x": lambda context: context}, limits=Limits(iterations=100))
    program = environment.compile("x.all(a, x.all(b, a + b >= 0))")
    assert program.test(list(range(9)))
    with pytest.raises(EvaluationError, match="the macros of this expression would visit too many elements"):
        program.test(list(range(11)))
    assert program.test(list(range(9)))


@pytest.mark.parametrize(
    "source",
    [
        "x + x",
        "bytes(x) + bytes(x)",
        "x.replace('a', 'bb')",
        "[x, x].join()",
        "[x, x].join(x)",
        "'%s%s'.format([x, x])",
        "'%s'.format([[x, x]])",
        "y + y",
    ],
)
def test_no_operation_makes_a_value_beyond_the_bound(source: str) -> None:
    assert "the result would be longer than 1048576" == message_of(source, x="a" * 700_000, y=[0] * 700_000)


def test_values_that_hold_one_another_many_times_are_not_compared_to_the_end() -> None:
    doubling = "[0, 0]"
    for level in range(30):
        doubling = f"cel.bind(v{level}, {doubling}, [v{level}, v{level}])"
    assert "the values are too large to compare" == message_of(f"cel.bind(v, {doubling}, v == v)")
    assert "the result would be longer than 1048576" == message_of(f"cel.bind(v, {doubling}, '%s'.format([v]))")


def test_a_value_that_is_nested_too_deeply_is_an_error() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert "a value is nested too deeply" == message_of("x == y", x=deep, y=[deep])


def test_a_regular_expression_of_excessive_size_is_refused() -> None:
    with pytest.raises(ExpressionError, match="is no regular expression"):
        Environment.of_names("x").compile("x.matches('((a{1000}){1000}){1000}')")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (100.0, "100"),
        (1e6, "1000000"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (-1e-7, "-1e-07"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_written_in_their_shortest_form(number: float, text: str) -> None:
    assert text == value_of("string(x)", x=number)


def test_a_time_zone_may_push_a_timestamp_out_of_range() -> None:
    assert "out of range" in message_of("timestamp('0001-01-01T00:00:00Z').getHours('-02:00')")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-02T03:04:05.120Z", "2026-01-02T03:04:05.12Z"),
        ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_timestamps_are_read_and_written_exactly(text: str, shown: str) -> None:
    assert shown == value_of("string(timestamp(x))", x=text)


@pytest.mark.parametrize("text", ["2026-01-02", "2026-13-01T00:00:00Z", "2026-01-01T24:00:01Z", "2026-01-01 00:00:00Z"])
def test_what_is_no_rfc3339_timestamp_is_refused(text: str) -> None:
    assert message_of("timestamp(x)", x=text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1h30m", "5400s"), ("-1.5s", "-1.5s"), ("300ms", "0.3s"), ("1us", "0.000001s"), ("0", "0s"), (".5s", "0.5s")],
)
def test_durations_are_read_and_written_exactly(text: str, shown: str) -> None:
    assert shown == value_of("string(duration(x))", x=text)


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert value_of("ip('::ffff:a00:1').family() == 4 && cidr('10.0.0.0/8').containsIP('::ffff:a00:1')")
    assert value_of("cidr('10.0.0.0/8').containsIP(x)", x=ip_address("::ffff:10.0.0.1"))
