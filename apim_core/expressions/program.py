"""A compiled expression, ready to be evaluated for one context after the other."""

from collections.abc import Callable
from typing import Any

import attrs

from apim_core.expressions.code import Activation, Code, Run
from apim_core.expressions.compiler import Compiler
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.limits import Limits


@attrs.frozen(eq=False)
class Program:
    """A compiled expression; immutable, and may be evaluated by several threads at once."""

    source: str
    """The text of the expression."""
    variables: frozenset[str]
    """The variables that it uses, by their first name."""
    references: frozenset[str]
    """The fields of records that it uses, as dotted names such as `request.body`."""
    evaluate: Callable[[Any], Any]
    """Gives the value for a context, in the form that `values` describes; raises nothing but `EvaluationError`."""
    test: Callable[[Any], bool]
    """As `evaluate`, but the value must be a bool; anything else is an `EvaluationError`."""


def assemble(source: str, compiler: Compiler, limits: Limits) -> Program:
    """The program of what the compiler has been given; an `ExpressionError` if it has no meaning."""
    run = entry(compiler.program(), compiler, limits)
    used = frozenset(compiler.used)
    return Program(source, used, frozenset(compiler.references), guarded(run, source), _tested(run, source))


def entry(code: Code, compiler: Compiler, limits: Limits) -> Run:
    """The code as a function of the bare context."""
    if not compiler.inside_activation:
        return code.run
    run, slots, iterations = code.run, compiler.slots, limits.iterations
    return lambda context: run(Activation(context, slots, iterations))


def guarded(run: Run, source: str) -> Run:
    """The same, but whatever it raises becomes an `EvaluationError` that names the source."""

    def evaluate(context: Any) -> Any:
        try:
            return run(context)
        except EvaluationError as error:
            error.source = error.source or source
            raise
        except Exception as error:
            raise _converted(error, source) from error

    return evaluate


def _tested(run: Run, source: str) -> Callable[[Any], bool]:
    def test(context: Any) -> bool:
        try:
            value = run(context)
        except EvaluationError as error:
            error.source = error.source or source
            raise
        except Exception as error:
            raise _converted(error, source) from error
        if value is True or value is False:
            return value
        raise EvaluationError(f"the value is a {type(value).__name__}, which is not a bool", source)

    return test


def _converted(error: Exception, source: str) -> EvaluationError:
    if isinstance(error, RecursionError):
        return EvaluationError("a value is nested too deeply", source)
    return EvaluationError(f"a value could not be read: {type(error).__name__}: {error}", source)
