"""The guide's examples hold, its bounds are the real ones, and it shows every function."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apim_core.expressions import Environment, EvaluationError, Limits
from apim_core.expressions.equality import equal
from apim_core.expressions.functions import ALL_FUNCTIONS
from apim_core.expressions.limits import MAXIMUM_RESULT_LENGTH
from apim_core.expressions.macros import METHOD_MACROS

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/expressions.md"
TABLE = re.compile(r"<!-- examples -->\n\n\| example \| value \|\n\|---\|---\|\n((?:\|.*\|\n)+)")
ROW = re.compile(r"\| `(?P<example>.+)` \| (?:`(?P<value>.+)`|(?P<error>error)) \|")

OPERATORS = re.compile(r"_|@in")
NOT_IN_THE_GUIDE = frozenset({"existsOne", "dyn"})
"""Another spelling of `exists_one`, and a function that means something to a type checker only."""


def examples() -> Iterator[tuple[str, str | None]]:
    for table in TABLE.finditer(GUIDE.read_text()):
        for line in table[1].splitlines():
            row = ROW.fullmatch(line)
            assert row is not None, f"a row of the guide that is no example: {line}"
            yield row["example"].replace("\\|", "|"), row["value"]


@pytest.mark.parametrize(("example", "value"), list(examples()))
def test_an_example_has_the_value_that_the_guide_says(example: str, value: str | None) -> None:
    environment = Environment({})
    program = environment.compile(example)
    if value is None:
        with pytest.raises(EvaluationError):
            program.evaluate(None)
    else:
        expected, actual = environment.compile(value).evaluate(None), program.evaluate(None)
        assert (type(expected), True) == (type(actual), equal(expected, actual)), actual


def test_every_function_has_an_example() -> None:
    names = {name for name, _, _ in ALL_FUNCTIONS.functions if not OPERATORS.search(name)} | set(METHOD_MACROS)
    shown = " ".join(example for example, _ in examples())
    expected = set(NOT_IN_THE_GUIDE)
    missing = {name for name in names if not re.search(rf"(?<!\w){re.escape(name)}\(", shown)}
    assert expected == missing


def test_the_bounds_are_those_of_the_engine() -> None:
    text, limits = GUIDE.read_text(), Limits()
    for bound in (
        limits.source_length,
        limits.template_length,
        limits.nesting,
        limits.literal_elements,
        limits.iterations,
        MAXIMUM_RESULT_LENGTH,
    ):
        assert re.search(rf"\| {bound:,}(?: characters| levels)? \|", text), f"{bound:,}"
