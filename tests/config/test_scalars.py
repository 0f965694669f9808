"""The core schema of YAML 1.2.2, section 10.3.2."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apim_core.config.scalars import resolve


@pytest.mark.parametrize("text", ["null", "Null", "NULL", "~", ""])
def test_nothing_has_five_spellings(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)],
)
def test_booleans_are_true_and_false_in_three_spellings(text: str, value: bool) -> None:
    assert resolve(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-19", -19),
        ("+12", 12),
        ("017", 17),
        ("0o17", 15),
        ("0xC", 12),
        ("0xff", 255),
        ("1" * 40, int("1" * 40)),
    ],
)
def test_whole_numbers_are_decimal_octal_with_0o_or_hexadecimal_with_0x(text: str, value: int) -> None:
    assert (int, value) == (type(resolve(text)), resolve(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0), ("1e3", 1000.0)],
)
def test_numbers_with_a_point_or_an_exponent_are_floats(text: str, value: float) -> None:
    assert (float, value) == (type(resolve(text)), resolve(text))


@pytest.mark.parametrize(("text", "value"), [(".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf)])
def test_infinity_begins_with_a_point(text: str, value: float) -> None:
    assert value == resolve(text)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number_begins_with_a_point(text: str) -> None:
    assert math.isnan(resolve(text))  # type: ignore[arg-type]  # a float


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "NO",
        "yes",
        "on",
        "Off",
        "y",
        "tRUE",
        "nULL",
        "inf",
        "nan",
        "1:30",
        "190:20:30.15",
        "1_000",
        "0b11",
        "0o8",
        "0xZZ",
        "-0o7",
        "0x",
        "1e",
        ".",
        "+",
        "-",
        "..",
        "2001-01-01",
        "1.2.3",
        "1.0.0-rc1",
        "١٢",
    ],
)
def test_what_older_yaml_took_for_something_else_is_text(text: str) -> None:
    assert text == resolve(text)


def test_a_number_of_more_digits_than_anybody_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="401 digits"):
        resolve("9" * 401)


@settings(deadline=None)
@given(st.integers(-(10**100), 10**100))
def test_every_whole_number_is_read_as_it_is_written(number: int) -> None:
    assert number == resolve(str(number))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_python_writes_it(number: float) -> None:
    assert number == resolve(repr(number))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_resolves_to_something(text: str) -> None:
    resolve(text)
