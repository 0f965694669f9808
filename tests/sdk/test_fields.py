"""Types of options take what operators write, and refuse the rest with a sentence that says what they take."""

import copy
import pickle
import re

import pytest
from apim_sdk import Duration, EvaluationError, Expression, Regex, Secret, Size, Template
from apim_sdk.testing import make_exchange
from hypothesis import example, given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("1m", 60),
        ("1h30m", 5400),
        ("7d", 604800),
        ("2w", 1209600),
        ("0.5s", 0.5),
        (90, 90),
        (0.25, 0.25),
        (0, 0),
    ],
)
def test_a_duration_is_a_number_of_seconds(written, seconds):
    assert seconds == Duration(written)


@pytest.mark.parametrize("written", ["", "1", "1 m", "1min", "-1s", "1s-", "m", -1, float("nan"), float("inf"), True])
def test_what_is_no_duration_is_refused(written):
    with pytest.raises(ValueError, match="is not a duration"):
        Duration(written)


@given(st.integers(0, 10**6 - 1).map(lambda milliseconds: milliseconds / 1000) | st.integers(0, 10**9))
@example(0.0)
@example(0.1)
def test_a_duration_is_written_so_that_it_reads_the_same(seconds):
    assert Duration(seconds) == pytest.approx(Duration(str(Duration(seconds))))


def test_a_long_duration_with_milliseconds_is_written_so_that_it_reads_the_same():
    assert Duration(1000.001) == Duration(str(Duration(1000.001)))


@pytest.mark.parametrize(
    ("written", "size"),
    [("512", 512), ("64KiB", 65536), ("1MiB", 1048576), ("10MB", 10**7), ("1.5 kB", 1500), ("3GiB", 3 << 30), (7, 7)],
)
def test_a_size_is_a_number_of_bytes(written, size):
    assert size == Size(written)


@pytest.mark.parametrize("written", ["", "1 bit", "-1", "KiB", "1KiB ", -1, 1.5, True])
def test_what_is_no_size_is_refused(written):
    with pytest.raises(ValueError, match="is not a size"):
        Size(written)


@given(st.integers(0, 2**50))
def test_a_size_is_written_so_that_it_reads_the_same(size):
    assert size == Size(str(Size(size)))


@pytest.mark.parametrize("made", [Duration("1m"), Size("1MiB")])
def test_what_the_schema_takes_is_what_the_type_takes(made):
    pattern = made.schema["anyOf"][1]["pattern"]

    assert re.fullmatch(pattern, str(made))
    assert made.__class__(str(made)) == made


def test_a_secret_shows_itself_nowhere_but_when_asked():
    secret = Secret("open sesame")

    assert "open sesame" == secret.reveal()
    assert {"Secret('***')"} == {repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret}  # noqa: UP031


def test_secrets_compare_by_value():
    assert Secret("a") == Secret("a")
    assert {Secret("a")} == {Secret("a"), Secret("a")}
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_survives_a_copy_without_being_shown():
    assert "a" == copy.deepcopy(Secret("a")).reveal() == pickle.loads(pickle.dumps(Secret("a"))).reveal()


@pytest.mark.parametrize("kind", [Secret, Expression, Template, Regex])
def test_what_must_be_text_refuses_other_things(kind):
    with pytest.raises(TypeError, match="must be text"):
        kind(7)


def test_an_expression_is_evaluated_over_the_exchange():
    expression = Expression("request.method == 'POST' && request.headers['x-tier'] == 'gold'")

    assert expression.evaluate(make_exchange("POST /", {"X-Tier": "gold"}))
    assert not expression.evaluate(make_exchange("GET /", {"X-Tier": "gold"}))


def test_an_error_of_an_expression_is_an_evaluation_error():
    with pytest.raises(EvaluationError):
        Expression("int(request.path) > 1").evaluate(make_exchange("GET /orders"))


@pytest.mark.parametrize("kind", [Expression, Template])
def test_a_mistake_is_found_when_the_text_is_read(kind):
    with pytest.raises(ValueError, match="reqest"):
        kind("{{ reqest.method }}" if kind is Template else "reqest.method")


def test_expressions_and_templates_say_whether_they_need_the_body():
    assert (False, True) == (Expression("request.method == ''").reads_body, Expression("request.body == ''").reads_body)
    assert (False, True) == (Template("{{ request.path }}").reads_body, Template("{{ request.body }}").reads_body)


def test_a_template_is_rendered_over_the_exchange():
    exchange = make_exchange("GET /orders/7", path_parameters={"id": "7"})

    assert "/v2/orders/7" == Template("/v2/orders/{{ path.id }}").render(exchange)


def test_a_template_without_expressions_is_constant():
    assert ("plain", None) == (Template("plain").constant, Template("{{ request.path }}").constant)


def test_a_regex_searches_in_linear_time():
    regex = Regex("^(a+)+$")

    assert regex.fullmatch("a" * 50)
    assert not regex.search("a" * 5000 + "b")
    assert "b-b" == Regex("a").sub("b", "a-a")


@pytest.mark.parametrize("source", ["(", r"(a)\1", "(?=a)"])
def test_a_regex_that_re2_does_not_know_is_refused(source):
    with pytest.raises(ValueError, match="is no regular expression in RE2 syntax"):
        Regex(source)


@pytest.mark.parametrize("kind", [Expression, Template, Regex])
def test_compiled_text_compares_by_its_source_and_shows_it(kind):
    source = "true"

    assert kind(source) == kind(source)
    assert {kind(source)} == {kind(source), kind(source)}
    assert kind(source) != source
    assert (source, f"{kind.__name__}('true')") == (str(kind(source)), repr(kind(source)))
