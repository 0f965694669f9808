"""Code for `==`, `!=`, `<`, `<=`, `>`, `>=` and `in`, in the fastest form that the operands allow."""

import operator
from collections.abc import Callable
from typing import Any

from apim_core.expressions.access import is_present
from apim_core.expressions.code import Code, Run, folded
from apim_core.expressions.equality import NUMBERS, ORDERED, contains, equal, ordered
from apim_core.expressions.types import BOOL, MAP
from apim_core.expressions.values import native

_ORDERINGS: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any, Any], bool]]] = {
    "_<_": (operator.lt, ordered(operator.lt, "<")),
    "_<=_": (operator.le, ordered(operator.le, "<=")),
    "_>_": (operator.gt, ordered(operator.gt, ">")),
    "_>=_": (operator.ge, ordered(operator.ge, ">=")),
}

RELATIONS = frozenset({"_==_", "_!=_", "@in", *_ORDERINGS})


def relation(function: str, left: Code, right: Code) -> Code:
    """The code of a relation between two operands; `function` is one of `RELATIONS`."""
    code = Code(_run_of(function, left, right), BOOL)
    return folded(code) if left.is_constant and right.is_constant else code


def _run_of(function: str, left: Code, right: Code) -> Run:
    if function == "@in":
        return _membership(left, right)
    if function == "_==_":
        return _equality(left, right)
    if function == "_!=_":
        return _inequality(left, right)
    return _ordering(function, left, right)


def _equality(left: Code, right: Code) -> Run:
    if left.is_constant:
        left, right = right, left
    first, value = left.run, right.constant
    if type(value) is str:
        return lambda context: first(context) == value
    if value is None or type(value) is bool:
        return lambda context: first(context) is value
    second = right.run
    return lambda context: equal(first(context), second(context))


def _inequality(left: Code, right: Code) -> Run:
    if left.is_constant:
        left, right = right, left
    first, value = left.run, right.constant
    if type(value) is str:
        return lambda context: first(context) != value
    if value is None or type(value) is bool:
        return lambda context: first(context) is not value
    second = right.run
    return lambda context: not equal(first(context), second(context))


def _ordering(function: str, left: Code, right: Code) -> Run:
    compare, compare_any = _ORDERINGS[function]
    first, second, bound = left.run, right.run, right.constant
    number = type(bound)
    if number in NUMBERS:

        def against_number(context: Any) -> bool:
            value = first(context)
            return compare(value, bound) if type(value) is number else compare_any(value, bound)

        return against_number

    def between(context: Any) -> bool:
        one, other = first(context), second(context)
        kind = type(one)
        return compare(one, other) if kind is type(other) and kind in ORDERED else compare_any(one, other)

    return between


def _membership(left: Code, right: Code) -> Run:
    if type(left.constant) is str and right.read_key is not None:
        return is_present(right.read_key(left.constant)).run
    if type(left.constant) is str:
        return _constant_in(left.constant, right)
    if right.is_constant and right.kind is not MAP:
        elements = native(right.constant)
        if type(elements) is tuple and all(type(each) is str for each in elements):
            return _in_strings(left.run, frozenset(elements))
    first, second = left.run, right.run
    return lambda context: contains(first(context), second(context))


def _constant_in(element: str, container: Code) -> Run:
    held_by = container.run

    def constant_in(context: Any) -> bool:
        held = held_by(context)
        kind = type(held)
        if kind is tuple or kind is list or kind is dict:
            return element in held
        return contains(element, held)

    return constant_in


def _in_strings(run: Run, elements: frozenset[str]) -> Run:
    def in_strings(context: Any) -> bool:
        value = run(context)
        return value in elements if type(value) is str else contains(value, elements)

    return in_strings
