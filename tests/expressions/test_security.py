"""No way leads from an expression to a Python object behind the values (threat class 19)."""

from typing import Any

import pytest

from apim_core.expressions import Environment, EvaluationError, ExpressionError, Lookup, Record


class Secretive:
    """An object with an attribute that no expression may read."""

    secret = "swordfish"

    def __str__(self) -> str:
        return self.secret


ENVIRONMENT = Environment(
    {
        "request": Record({"method": lambda context: "GET", "object": lambda context: context}),
        "claims": Lookup(lambda context: {"sub": "ann"}),
        "object": lambda context: context,
        "list": lambda context: ["a"],
        "map": lambda context: {"a": 1},
    }
)


@pytest.mark.parametrize(
    "source",
    [
        "request.__class__",
        "request.object.secret",
        "request.method.__class__.__mro__",
        "request.method.upper()",
        "request.method.format_map({})",
        "object.secret",
        "object['secret']",
        "object.?secret",
        "object[?'secret']",
        "has(object.secret)",
        "object.__dict__",
        "string(object)",
        "'%s'.format([object])",
        "object + ''",
        "object == object",
        "object in [object]",
        "[object].exists(o, o.secret != '')",
        "type(object)",
        "dyn(object)",
        "list.__class__",
        "list.append('b')",
        "map.keys()",
        "map.__class__",
        "map.get('a')",
        "claims.__class__.__init__",
        "claims.keys()",
        "claims.read('sub')",
        "math.__class__",
        "type(1).__class__",
        "type(1).name",
        "optional.of(1).__class__",
        "timestamp(0).nanoseconds",
        "duration('1s').nanoseconds",
        "ip('10.0.0.1').packed",
        "size.__self__",
        "cel.__class__",
        "__import__('os').system('true')",
        "eval('1')",
        "lambda: 1",
    ],
)
def test_attributes_and_methods_of_python_are_out_of_reach(source: str) -> None:
    with pytest.raises((ExpressionError, EvaluationError)) as caught:
        ENVIRONMENT.compile(source).evaluate(Secretive())
    assert "swordfish" not in str(caught.value)


def test_a_key_with_a_magic_name_is_only_a_key() -> None:
    assert ENVIRONMENT.compile("{'__class__': 1}.__class__ == 1 && claims.__class__ == null").test(Secretive())


def test_format_knows_only_its_own_clauses() -> None:
    assert "{0.__class__}" == ENVIRONMENT.compile("'{0.__class__}'.format([])").evaluate(None)


def test_templates_reach_no_more_than_expressions() -> None:
    with pytest.raises(EvaluationError):
        ENVIRONMENT.template("{{ object.secret }}").render(Secretive())
    with pytest.raises(EvaluationError):
        ENVIRONMENT.template("{{ object }}").render(Secretive())


def test_values_are_never_changed_by_an_expression() -> None:
    held: dict[str, Any] = {"list": [1], "map": {"a": 1}}
    environment = Environment.of_names("list", "map")
    environment.compile("list + [2] == [1, 2] && map.transformMap(k, v, v + 1).a == 2").test(held)
    assert {"list": [1], "map": {"a": 1}} == held
