"""Text with expressions in it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_core.expressions import Environment, EvaluationError, ExpressionError, Limits, Lookup, Record

ENVIRONMENT = Environment(
    {
        "path": Lookup(lambda context: context),
        "request": Record({"body": lambda context: "b"}),
    }
)


def rendered(source: str, **path: Any) -> str:
    return ENVIRONMENT.template(source).render(path)


def test_expressions_are_replaced_by_their_values() -> None:
    assert "/v2/orders/17/x" == rendered("/v2/orders/{{ path.id }}/{{path.name}}", id="17", name="x")


def test_a_template_without_expressions_is_constant() -> None:
    template = ENVIRONMENT.template("/v2/{id}/}}")
    assert (True, "/v2/{id}/}}") == (template.constant, template.render({}))


def test_a_template_that_is_one_expression_needs_no_text_around_it() -> None:
    assert "17" == rendered("{{ path.id }}", id=17)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 1.5 }}", "1.5"),
        ("{{ true }}", "true"),
        ("{{ 7u }}", "7"),
        ("{{ b'abc' }}", "abc"),
        ("{{ duration('90m') }}", "5400s"),
        ("{{ timestamp(0) }}", "1970-01-01T00:00:00Z"),
        ("{{ ip('10.0.0.1') }}", "10.0.0.1"),
        ("<{{ null }}>", "<>"),
    ],
)
def test_values_are_converted_as_string_does_and_null_is_empty(source: str, expected: str) -> None:
    assert expected == rendered(source)


@pytest.mark.parametrize("source", ["{{ [1] }}", "a{{ {'a': 1} }}"])
def test_a_list_or_map_has_no_text(source: str) -> None:
    with pytest.raises(EvaluationError, match="the value has no text form"):
        rendered(source)


def test_braces_in_an_expression_do_not_end_it() -> None:
    assert "}} {{" == rendered("{{ {'a': {'b': '}}'}}.a.b }} {{ '{{' }}")


def test_an_absent_key_renders_nothing() -> None:
    assert "/" == rendered("/{{ path.id }}")


@pytest.mark.parametrize(
    ("source", "message", "offset"),
    [
        ("a {{ path.id", "expected '}}' after the expression but found 'the end'", 12),
        ("a {{ path.id }", "expected '}}' after the expression but found '}'", 13),
        ("a {{ }}", "expected an expression but found '}'", 5),
        ("a {{ pth.id }}", "unknown variable 'pth'", 5),
        ("a {{ path.id path }}", "expected '}}' after the expression but found 'path'", 13),
    ],
)
def test_an_error_points_into_the_template(source: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        ENVIRONMENT.template(source)
    assert (message, offset, source) == (caught.value.message, caught.value.offset, caught.value.source)


def test_a_template_tells_what_its_expressions_use() -> None:
    template = ENVIRONMENT.template("{{ path.id }}{{ request.body }}")
    assert frozenset({"path", "request"}) == template.variables
    assert frozenset({"request.body"}) == template.references
    assert not template.constant


def test_macros_work_in_templates() -> None:
    assert "a-b" == rendered("{{ path.ids.map(each, each.trim()).join('-') }}", ids=[" a", "b "])


def test_an_evaluation_error_names_the_template() -> None:
    with pytest.raises(EvaluationError) as caught:
        rendered("/{{ path.id + 1 }}", id="x")
    assert ("no such overload: string + int", "/{{ path.id + 1 }}") == (caught.value.message, caught.value.source)


def test_the_length_of_a_template_is_bounded() -> None:
    environment = Environment({}, limits=Limits(template_length=10))
    assert environment.template("a" * 20).render(None) == "a" * 20
    with pytest.raises(ExpressionError, match="the template is longer than 10 characters"):
        environment.template("{{ 1 }}    ")


def test_the_length_of_each_expression_is_bounded() -> None:
    environment = Environment({}, limits=Limits(source_length=10))
    assert "1 and 2" == environment.template("{{ 1 }} and {{ 2 }}").render(None)
    with pytest.raises(ExpressionError, match="the expression is longer than 10 characters"):
        environment.template("{{ '0123456789' }}")


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_opening_braces_is_rendered_unchanged(text: str) -> None:
    assert text == rendered(text)


@given(st.text().filter(lambda text: "{{" not in text), st.text(), st.text().filter(lambda text: "{{" not in text))
def test_text_around_an_expression_is_rendered_unchanged(before: str, value: str, after: str) -> None:
    expected = f"{before}{value}{after}"
    if not before.endswith("{"):
        assert expected == rendered(f"{before}{{{{ path.value }}}}{after}", value=value)
