"""Compiled code: Python closures, and what is known about each before it runs."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import Type
from apim_core.expressions.values import MISSING, Optional
from apim_core.expressions.variables import Record

Run = Callable[[Any], Any]
"""Evaluates a piece of code.

The argument is the context itself, so that a variable's resolver is its own code; or, in programs with macros, an
`Activation` around it.
"""


@attrs.frozen(eq=False)
class Code:
    """A piece of an expression, compiled."""

    run: Run
    kind: Type | None = None
    """The type of every value it can have, if that is known."""
    constant: Any = MISSING
    """Its value, if that is the same for all contexts. May be shared: look at it, never hand it out, if it is a map."""
    read_key: Callable[[str], Run] | None = None
    """For a `Lookup`: gives the code that reads one key."""
    record: Record | None = None
    """The record that it names; such code is no value, only its fields are."""
    path: str = ""
    """The dotted name of that record."""

    @property
    def is_constant(self) -> bool:
        return self.constant is not MISSING


class Activation:
    """The state of one evaluation of a program with macros; changed only by that evaluation."""

    __slots__ = ("context", "iterations_left", "slots")

    def __init__(self, context: Any, slots: int, iterations: int) -> None:
        self.context = context
        self.slots: list[Any] = [MISSING] * slots
        self.iterations_left = iterations

    def spend(self, iterations: int) -> None:
        """Take from what the macros may still visit; an `EvaluationError` when it is used up."""
        self.iterations_left -= iterations
        if self.iterations_left < 0:
            raise EvaluationError("the macros of this expression would visit too many elements")


def constant(value: Any, kind: Type | None = None) -> Code:
    """Code that has this value, which must be immutable."""
    return Code(lambda _: value, kind, value)


def folded(code: Code) -> Code:
    """Code whose operands are all constants, evaluated now; or the same if it fails or its value can be changed."""
    try:
        value = code.run(None)
    except EvaluationError:
        return code
    return constant(value, code.kind) if is_immutable(value) else code


def failing(message: str) -> Code:
    """Code that always fails."""

    def fail(_: Any) -> Any:
        raise EvaluationError(message)

    return Code(fail)


def is_immutable(value: Any) -> bool:
    """Whether a value can be given away without a copy."""
    if isinstance(value, Optional):
        return is_immutable(value.value)
    if isinstance(value, tuple):
        return all(map(is_immutable, value))
    return not isinstance(value, (Mapping, list))
