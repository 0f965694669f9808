"""Code for the macros that visit the elements of a list or the keys of a map.

`all` and `exists` are `&&` and `||` over the elements, so that one element decides even if another one fails; the
others fail with the first element that does (cel-spec langdef, "Macros").
"""

from collections.abc import Callable, Iterator
from typing import Any

from apim_core.expressions.code import Activation, Run
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.logic import not_a_bool
from apim_core.expressions.types import LIST, MAP
from apim_core.expressions.values import make_map, native, type_of

Visit = Callable[[Activation], Iterator[Any]]
"""Puts one element after the other (or index and value, key and value) into the local variables; gives the first."""


def visit_one(target: Run, slot: int) -> Visit:
    """Visits the elements of a list or the keys of a map."""

    def visit(activation: Activation) -> Iterator[Any]:
        held, kind = _visited(target(activation), activation)
        slots = activation.slots
        for element in held if kind is LIST else tuple(held):
            slots[slot] = element
            yield element

    return visit


def visit_two(target: Run, first: int, second: int) -> Visit:
    """Visits the indexes and elements of a list or the keys and values of a map."""

    def visit(activation: Activation) -> Iterator[Any]:
        held, kind = _visited(target(activation), activation)
        slots = activation.slots
        for key, value in enumerate(held) if kind is LIST else [(key, held[key]) for key in held]:
            slots[first] = key
            slots[second] = value
            yield key

    return visit


def _visited(value: Any, activation: Activation) -> tuple[Any, Any]:
    held = native(value)
    kind = type_of(held)
    if kind is not LIST and kind is not MAP:
        raise EvaluationError(f"no such overload: a macro over {kind}, which is neither list nor map")
    activation.spend(len(held))
    return held, kind


def every(visit: Visit, predicate: Run) -> Run:
    """`all`."""
    return _quantifier(visit, predicate, deciding=False)


def some(visit: Visit, predicate: Run) -> Run:
    """`exists`."""
    return _quantifier(visit, predicate, deciding=True)


def _quantifier(visit: Visit, predicate: Run, *, deciding: bool) -> Run:
    def quantify(activation: Activation) -> bool:
        failure: str | None = None
        for _ in visit(activation):
            try:
                value: object = predicate(activation)
            except EvaluationError as error:
                failure = failure or error.message
                continue
            if value is deciding:
                return deciding
            if type(value) is not bool:
                failure = failure or not_a_bool(value, "a macro's condition").message
        if failure is not None:
            raise EvaluationError(failure)
        return not deciding

    return quantify


def exactly_one(visit: Visit, predicate: Run) -> Run:
    """`exists_one`."""
    return lambda activation: sum(_holds(predicate, activation) for _ in visit(activation)) == 1


def transform_list(visit: Visit, condition: Run | None, transform: Run) -> Run:
    """`map` and `transformList`, of the elements that meet the condition."""
    if condition is None:
        return lambda activation: tuple([transform(activation) for _ in visit(activation)])
    return lambda activation: tuple([transform(activation) for _ in visit(activation) if _holds(condition, activation)])


def keep(visit: Visit, condition: Run) -> Run:
    """`filter`."""
    return lambda activation: tuple([each for each in visit(activation) if _holds(condition, activation)])


def transform_map(visit: Visit, condition: Run | None, transform: Run) -> Run:
    """`transformMap`: the same keys (or indexes) with new values."""

    def transform_entries(activation: Activation) -> Any:
        return make_map(
            [
                (key, transform(activation))
                for key in visit(activation)
                if condition is None or _holds(condition, activation)
            ]
        )

    return transform_entries


def transform_entries(visit: Visit, condition: Run | None, transform: Run) -> Run:
    """`transformMapEntry`: each transform gives a map, and the result has the entries of all of them."""

    def merge(activation: Activation) -> Any:
        entries: list[tuple[Any, Any]] = []
        for _ in visit(activation):
            if condition is None or _holds(condition, activation):
                made = native(transform(activation))
                if type_of(made) is not MAP:
                    raise EvaluationError(f"no such overload: transformMapEntry() to {type_of(made)}, not a map")
                activation.spend(len(made))
                entries.extend((key, made[key]) for key in made)
        return make_map(entries)

    return merge


def _holds(condition: Run, activation: Activation) -> bool:
    value: bool = condition(activation)
    if type(value) is not bool:
        raise not_a_bool(value, "a macro's condition")
    return value
