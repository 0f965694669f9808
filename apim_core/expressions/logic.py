"""Code for `&&`, `||`, `!` and `?:`.

`&&` and `||` are commutative: an operand that fails does not matter if another one decides the result (cel-spec
langdef, "Logical Operators"). Of a failure only the message is kept: its traceback would make a reference cycle.
"""

from typing import Any

from apim_core.expressions.code import Code, Run, constant
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import BOOL
from apim_core.expressions.values import type_of


def logical(operator: str, terms: tuple[Code, ...]) -> Code:
    """`&&` or `||` over two or more terms."""
    deciding = operator == "||"
    if any(term.constant is deciding for term in terms):
        return constant(deciding, BOOL)
    undecided = tuple(term for term in terms if term.constant is not (not deciding))
    if not undecided:
        return constant(not deciding, BOOL)
    runs = tuple(term.run for term in undecided)
    return Code(_disjunction(runs) if deciding else _conjunction(runs), BOOL)


def _conjunction(terms: tuple[Run, ...]) -> Run:
    def conjunction(context: Any) -> bool:
        failure: str | None = None
        for term in terms:
            try:
                value = term(context)
            except EvaluationError as error:
                failure = failure or error.message
                continue
            if value is False:
                return False
            if value is not True:
                failure = failure or not_a_bool(value, "&&").message
        if failure is not None:
            raise EvaluationError(failure)
        return True

    return conjunction


def _disjunction(terms: tuple[Run, ...]) -> Run:
    def disjunction(context: Any) -> bool:
        failure: str | None = None
        for term in terms:
            try:
                value = term(context)
            except EvaluationError as error:
                failure = failure or error.message
                continue
            if value is True:
                return True
            if value is not False:
                failure = failure or not_a_bool(value, "||").message
        if failure is not None:
            raise EvaluationError(failure)
        return False

    return disjunction


def negation(operand: Code) -> Code:
    """`!operand`."""
    if type(operand.constant) is bool:
        return constant(not operand.constant, BOOL)
    run = operand.run

    def negate(context: Any) -> bool:
        value = run(context)
        if value is True:
            return False
        if value is False:
            return True
        raise not_a_bool(value, "!")

    return Code(negate, BOOL)


def conditional(condition: Code, positive: Code, negative: Code) -> Code:
    """`condition ? positive : negative`; only the chosen side is evaluated."""
    if type(condition.constant) is bool:
        return positive if condition.constant else negative
    run, when_true, when_false = condition.run, positive.run, negative.run

    def choose(context: Any) -> Any:
        value = run(context)
        if value is True:
            return when_true(context)
        if value is False:
            return when_false(context)
        raise not_a_bool(value, "?:")

    return Code(choose, positive.kind if positive.kind is negative.kind else None)


def not_a_bool(value: Any, operator: str) -> EvaluationError:
    """The error for an operand that should have been a bool."""
    return EvaluationError(f"no such overload: {operator} on {type_of(value)}, which is not a bool")
