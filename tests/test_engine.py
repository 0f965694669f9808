"""What the SDK finds in the core: expressions, templates, linear-time patterns, settings into classes."""

from __future__ import annotations

import time
from importlib.metadata import entry_points

import attrs
import pytest
from apim_sdk import Duration, Expression, Regex, Template
from apim_sdk.testing import make_exchange

from apim_core.config import ConfigErrors
from apim_core.engine import engine


@attrs.frozen
class Settings:
    """Settings of something."""

    wait: Duration
    """How long."""
    pattern: Regex | None = None
    """What it looks for."""


def test_the_engine_is_the_one_entry_point_of_its_group() -> None:
    assert [engine] == [point.load() for point in entry_points(group="apim.engine")]


def test_an_expression_is_evaluated_on_an_exchange() -> None:
    assert Expression("request.method == 'GET'").evaluate(make_exchange("GET /")) is True


def test_a_template_is_rendered_on_an_exchange() -> None:
    assert "GET /x!" == Template("{{ request.method }} {{ request.path }}!").render(make_exchange("GET /x"))


@pytest.mark.parametrize(
    ("kind", "source"), [(Expression, "1 +"), (Expression, "nothing"), (Template, "{{ 1 + }}"), (Template, "{{ 1")]
)
def test_a_text_that_is_wrong_is_refused_when_it_is_read(kind: type, source: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|column"):
        kind(source)


def test_a_pattern_finds_matches_and_replaces() -> None:
    pattern = Regex("b+")
    assert "bb" == pattern.search("abbc")[0]
    assert pattern.fullmatch("abbc") is None
    assert "a-c" == pattern.sub("-", "abbc")


@pytest.mark.parametrize("source", ["(", r"(a)\1", "(?=a)", "(?<!a)b", "a{2000}", "[z-a]"])
def test_a_pattern_outside_re2_is_refused_with_its_reason(source: str) -> None:
    with pytest.raises(ValueError, match=r"is no regular expression in RE2 syntax: .") as caught:
        Regex(source)
    assert repr(source) in str(caught.value)


def test_a_pattern_of_nested_repetition_takes_time_linear_in_its_text() -> None:
    pattern = Regex("(a+)+$")
    begun = time.process_time()
    assert pattern.search("a" * 100_000 + "!") is None
    assert time.process_time() - begun < 1.0


def test_settings_become_their_class() -> None:
    assert Settings(Duration("1m"), Regex("a")) == engine().structure({"wait": "1m", "pattern": "a"}, Settings)


def test_settings_that_do_not_fit_are_refused_with_every_problem() -> None:
    with pytest.raises(ConfigErrors) as caught:
        engine().structure({"wait": "soon", "pattern": "("}, Settings)
    assert ["/wait", "/pattern"] == [problem.pointer for problem in caught.value.problems]


def test_the_schema_of_a_class_has_its_descriptions() -> None:
    schema = engine().schema(Settings)
    assert {"wait": "How long.", "pattern": "What it looks for."} == {
        name: option["description"] for name, option in schema["properties"].items()
    }
