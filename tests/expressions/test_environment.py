"""What a program sees of its context: records, lookups and plain variables; and what it tells about itself."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from apim_core.expressions import Environment, EvaluationError, ExpressionError, Lookup, Record
from apim_core.expressions.values import Optional


@attrs.frozen
class Request:
    method: str = "GET"
    body: str | None = None
    headers: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Exchange:
    request: Request = attrs.field(factory=Request)
    claims: dict[str, Any] | None = None


ENVIRONMENT = Environment(
    {
        "request": Record(
            {
                "method": lambda exchange: exchange.request.method,
                "body": lambda exchange: exchange.request.body,
                "headers": Lookup(
                    lambda exchange: exchange.request.headers,
                    get=lambda exchange, name: exchange.request.headers.get(name.lower()),
                ),
                "nested": Record({"field": lambda exchange: 7}),
            }
        ),
        "claims": Lookup(lambda exchange: exchange.claims),
        "answer": lambda exchange: 42,
    }
)


def value_of(source: str, exchange: Exchange = Exchange()) -> Any:  # frozen
    return ENVIRONMENT.compile(source).evaluate(exchange)


def error_of(source: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        ENVIRONMENT.compile(source)
    return caught.value


def test_a_field_of_a_record_is_one_call_of_its_resolver() -> None:
    calls: list[object] = []
    environment = Environment({"request": Record({"method": lambda exchange: calls.append(exchange) or "GET"})})
    context = object()
    assert environment.compile("request.method == 'GET'").test(context)
    assert [context] == calls


def test_records_nest() -> None:
    assert 7 == value_of("request.nested.field")


def test_an_unknown_field_is_an_error_when_compiling_with_a_suggestion() -> None:
    error = error_of("request.methd == 'GET'")
    assert ("'request' has no field 'methd'", "did you mean 'method'?") == (error.message, error.hint)


def test_an_unknown_variable_is_an_error_when_compiling_with_a_suggestion() -> None:
    error = error_of("requst.method == 'GET'")
    assert ("unknown variable 'requst'", "did you mean 'request'?") == (error.message, error.hint)


def test_an_unknown_function_is_an_error_when_compiling_with_a_suggestion() -> None:
    error = error_of("request.method.startswith('G')")
    assert ("unknown function 'startswith'", "did you mean 'startsWith'?") == (error.message, error.hint)


def test_a_wrong_number_of_arguments_is_an_error_when_compiling() -> None:
    assert "indexOf() takes 1 or 2 arguments, not 3" == error_of("'a'.indexOf('a', 0, 0)").message


def test_a_function_called_in_the_wrong_style_gets_a_hint() -> None:
    assert "write x.startsWith()" == error_of("startsWith('a', 'b')").hint


def test_a_record_is_no_value() -> None:
    error = error_of("request == null")
    assert ("'request' is no value", "select one of its fields: body, headers, method, nested") == (
        error.message,
        error.hint,
    )


def test_a_record_cannot_be_indexed() -> None:
    assert "'request' cannot be indexed" == error_of("request['method']").message


def test_a_field_that_is_none_is_null_and_not_present() -> None:
    assert value_of("request.body == null && !has(request.body) && !request.?body.hasValue()")
    assert value_of("has(request.body)", Exchange(Request(body="x")))
    assert "x" == value_of("request.?body.orValue('')", Exchange(Request(body="x")))


@pytest.mark.parametrize(
    "source",
    [
        "!(request.headers['x-internal'] == 'yes')",
        "request.headers['x-internal'] == null",
        "request.headers.`x-internal` == null",
        "request.headers['x-' + 'internal'] == null",
        "!('x-internal' in request.headers)",
        "!has(request.headers.`x-internal`)",
        "!request.headers[?'x-internal'].hasValue()",
        "!request.headers.?internal.hasValue()",
        "['x-internal'].all(name, request.headers[name] == null && !(name in request.headers))",
        "cel.bind(headers, request.headers, headers['x-internal'] == null && !has(headers.internal))",
    ],
)
def test_an_absent_key_of_a_lookup_reads_as_null(source: str) -> None:
    assert ENVIRONMENT.compile(source).test(Exchange())


@pytest.mark.parametrize(
    "source",
    [
        "request.headers['X-Tier'] == 'gold'",
        "request.headers.`x-tier` == 'gold'",
        "'X-Tier' in request.headers",
        "has(request.headers.`X-Tier`)",
        "request.headers[?'X-Tier'].value() == 'gold'",
        "['X-Tier'].all(name, request.headers[name] == 'gold' && name in request.headers)",
        "request.headers.size() == 1",
        "request.headers.exists(name, name == 'x-tier')",
        "request.headers.exists(name, value, value == 'gold')",
        "request.headers == {'x-tier': 'gold'}",
    ],
)
def test_a_key_of_a_lookup_is_read_by_its_accessor(source: str) -> None:
    assert ENVIRONMENT.compile(source).test(Exchange(Request(headers={"x-tier": "gold"})))


def test_a_lookup_without_a_map_is_empty() -> None:
    assert value_of("claims.sub == null && claims.size() == 0 && !('sub' in claims)")


def test_null_in_a_lookup_is_absent() -> None:
    exchange = Exchange(claims={"sub": None})
    assert value_of("claims.sub == null && !has(claims.sub) && !('sub' in claims)", exchange)


def test_below_a_lookup_the_rules_of_cel_hold() -> None:
    exchange = Exchange(claims={"realm": {"roles": ["admin"]}})
    assert value_of("'admin' in claims.realm.roles && claims.realm.?groups.orValue([]) == []", exchange)
    with pytest.raises(EvaluationError, match="no such key: 'groups'"):
        value_of("claims.realm.groups", exchange)


def test_a_program_tells_its_variables_and_the_fields_it_refers_to() -> None:
    program = ENVIRONMENT.compile("request.body != '' && request.headers.a == null && request.nested.field > answer")
    assert frozenset({"request", "answer"}) == program.variables
    assert frozenset({"request.body", "request.headers", "request.nested.field"}) == program.references


def test_a_field_is_referred_to_in_every_way_to_name_it() -> None:
    for source in ("has(request.body)", "request.?body.hasValue()", "[1].map(x, request.body)"):
        assert frozenset({"request.body"}) == ENVIRONMENT.compile(source).references


def test_local_variables_are_not_the_programs_variables() -> None:
    program = ENVIRONMENT.compile("[1].exists(answer, answer == 1)")
    assert frozenset() == program.variables


def test_test_gives_a_bool() -> None:
    assert ENVIRONMENT.compile("answer == 42").test(Exchange()) is True
    assert ENVIRONMENT.compile("answer == 41").test(Exchange()) is False


def test_test_refuses_any_other_value() -> None:
    program = ENVIRONMENT.compile("answer")
    with pytest.raises(EvaluationError) as caught:
        program.test(Exchange())
    assert ("the value is a int, which is not a bool", "answer") == (caught.value.message, caught.value.source)


def test_an_evaluation_error_names_the_expression() -> None:
    with pytest.raises(EvaluationError, match=r"division by zero \(in the expression: answer / 0\)"):
        value_of("answer / 0")


def failing(error: Exception) -> Callable[[Any], Any]:
    def resolver(_: Any) -> Any:
        raise error

    return resolver


def test_a_resolver_that_fails_is_an_evaluation_error_that_nothing_absorbs() -> None:
    environment = Environment({"broken": failing(KeyError("no plan")), "yes": lambda _: True})
    for source in ("broken", "broken || yes", "[1, 2].exists(x, broken || x == 1)"):
        program = environment.compile(source)
        with pytest.raises(EvaluationError, match="a value could not be read: KeyError: 'no plan'"):
            program.evaluate(None)


def test_an_evaluation_error_of_a_resolver_is_absorbed_like_any_other() -> None:
    environment = Environment({"broken": failing(EvaluationError("no body")), "yes": lambda _: True})
    assert environment.compile("broken || yes").test(None)


def test_an_environment_of_names_takes_mappings() -> None:
    program = Environment.of_names("x", "y").compile("x + y")
    assert 3 == program.evaluate({"x": 1, "y": 2})
    with pytest.raises(EvaluationError, match="no value for the variable 'y'"):
        program.evaluate({"x": 1})


def test_an_unchecked_environment_postpones_unknown_names() -> None:
    environment = Environment({}, checked=False)
    assert environment.compile("nothing.f(1) || true").test(None)
    with pytest.raises(EvaluationError, match="unknown variable 'nothing'"):
        environment.compile("nothing").evaluate(None)


def test_programs_keep_no_state_between_evaluations() -> None:
    program = Environment.of_names("x").compile("x.map(each, each * 2)")
    assert ((2, 4), (6,)) == (program.evaluate({"x": [1, 2]}), program.evaluate({"x": [3]}))


def test_an_optional_value_can_be_the_result() -> None:
    assert Optional(1).value == Environment({}).compile("optional.of(1)").evaluate(None).value
