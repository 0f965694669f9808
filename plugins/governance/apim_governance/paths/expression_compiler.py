"""Compiles filter expressions to closures, and tells beforehand for which nodes one can hold at all.

A closure takes the value of a node, its key, and the walk that stands at it (for what few filters ask: the parent, the
path, the root). An error of JavaScript (a member of ``null``) ends as ``UndefinedMember``, for which a filter does not
hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs

from apim_governance.paths import expression as syntax
from apim_governance.paths.expression import Expression
from apim_governance.paths.javascript import (
    UNDEFINED,
    UndefinedMember,
    arithmetic,
    less,
    loosely_equal,
    member,
    number_of,
    same,
    text_of,
    truthy,
    type_of,
)
from apim_governance.paths.methods import method
from apim_governance.patience import waive

__all__ = ["CompiledFilter", "Spot", "compile_filter", "of_type"]

Key = str | int


class Spot(Protocol):
    """The node that a walk stands at."""

    @property
    def root(self) -> Any:
        """The whole document."""

    @property
    def parent(self) -> Any:
        """The value that holds the node."""

    def path(self) -> tuple[Key, ...]:
        """Where the node stands, its own key last."""


Evaluate = Callable[[Any, Any, Spot], Any]


@attrs.frozen
class CompiledFilter:
    """A filter in up to three parts, of which all must hold.

    ``key`` asks for nothing but the key; ``needs``, if it is there, names members of which a mapping must have at least
    one for ``rest`` to hold; ``rest`` is what is left to be evaluated.
    """

    key: Callable[[Key], bool] | None
    needs: frozenset[str] | None
    rest: Callable[[Any, Key, Spot], bool] | None


def compile_filter(expression: Expression) -> CompiledFilter:
    """Compile a filter."""
    conjuncts = tuple(_conjuncts(expression))
    by_key = [each for each in conjuncts if _only_key(each)]
    others = [each for each in conjuncts if not _only_key(each)]
    needs: frozenset[str] | None = None
    for each in others:
        wanted = _needs(each)
        if wanted is not None and (needs is None or len(wanted) < len(needs)):
            needs = wanted
    return CompiledFilter(
        _key_test([_compile(each) for each in by_key]) if by_key else None,
        needs,
        _test([_compile(each) for each in others]) if others else None,
    )


def _test(parts: list[Evaluate]) -> Callable[[Any, Key, Spot], bool]:
    def holds(value: Any, key: Key, spot: Spot) -> bool:
        try:
            for part in parts:
                if not truthy(part(value, key, spot)):
                    return False
        except UndefinedMember:
            return False
        except TimeoutError:
            waive()
            return False
        return True

    return holds


class _Nowhere:
    root: Any = None
    parent: Any = None

    def path(self) -> tuple[Key, ...]:
        return ()


def _key_test(parts: list[Evaluate]) -> Callable[[Key], bool]:
    holds = _test(parts)
    nowhere = _Nowhere()
    return lambda key: holds(None, key, nowhere)


# What can be told beforehand


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, syntax.Logical) and expression.operator == "&&":
        return [*_conjuncts(expression.left), *_conjuncts(expression.right)]
    return [expression]


def _parts(expression: Expression) -> list[Expression]:
    """The expressions that one is made of."""
    parts: list[Expression] = []
    for field in attrs.fields(type(expression)):
        value = getattr(expression, field.name)
        if isinstance(value, tuple):
            parts.extend(value)
        elif attrs.has(type(value)):
            parts.append(value)
    return parts


def _only_key(expression: Expression) -> bool:
    if isinstance(expression, syntax.Variable):
        return expression.name == "@property"
    return not isinstance(expression, syntax.TypeTest) and all(map(_only_key, _parts(expression)))


def _needs(expression: Expression) -> frozenset[str] | None:
    """Members of which a mapping must have one for the expression to be true; None if nothing can be said."""
    if isinstance(expression, syntax.Logical):
        left, right = _needs(expression.left), _needs(expression.right)
        if expression.operator == "&&":
            return left if right is None or (left is not None and len(left) <= len(right)) else right
        return None if left is None or right is None else left | right
    if isinstance(expression, syntax.Member):
        return _member_of_node(expression)
    if isinstance(expression, syntax.Call):
        return _needs(expression.of)
    if isinstance(expression, syntax.Binary):
        return _needs_of_comparison(expression)
    return None


def _needs_of_comparison(expression: syntax.Binary) -> frozenset[str] | None:
    for one, other in ((expression.left, expression.right), (expression.right, expression.left)):
        if not isinstance(other, syntax.Literal):
            other_is_void = isinstance(other, syntax.Unary) and other.operator == "void"
            if not (other_is_void and expression.operator in ("!==", "!=")):
                continue
            return _needs(one)
        present = other.value is not None and other.value is not UNDEFINED
        if expression.operator in ("===", "==") and present:
            return _needs(one)
        if expression.operator in ("!==", "!=") and other.value is UNDEFINED:
            return _needs(one)
        if expression.operator in ("<", ">", "<=", ">=") and present:
            return _needs(one)
    return None


def _member_of_node(expression: Expression) -> frozenset[str] | None:
    """The member of the node itself that ``@.a.b`` begins with, if only mappings can have it."""
    while isinstance(expression, syntax.Member):
        of, name = expression.of, expression.name
        if isinstance(of, syntax.Variable) and of.name == "@":
            if isinstance(name, syntax.Literal) and isinstance(name.value, str):
                special = name.value in ("length", "constructor") or name.value.isdigit()
                return None if special else frozenset((name.value,))
            return None
        expression = of
    return None


# Closures


def _compile(expression: Expression) -> Evaluate:
    return _COMPILERS[type(expression)](expression)


def _literal(expression: syntax.Literal) -> Evaluate:
    constant = expression.value
    return lambda value, key, spot: constant


def _pattern(expression: syntax.Pattern) -> Evaluate:
    return lambda value, key, spot: expression


def _variable(expression: syntax.Variable) -> Evaluate:
    if expression.name == "@":
        return lambda value, key, spot: value
    if expression.name == "@property":
        return lambda value, key, spot: key
    if expression.name == "@parent":
        return lambda value, key, spot: spot.parent
    if expression.name == "@parentProperty":
        return lambda value, key, spot: (spot.path()[-2:-1] or (UNDEFINED,))[0]
    if expression.name == "@path":
        return lambda value, key, spot: _path_text(spot.path())
    return lambda value, key, spot: spot.root


def _path_text(path: tuple[Key, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in path)


def _type_test(expression: syntax.TypeTest) -> Evaluate:
    wanted = expression.type
    return lambda value, key, spot: of_type(value, wanted)


def of_type(value: Any, wanted: str) -> bool:
    """Whether a value is of a type, as ``@string()`` and the like name them. A list is an object, too."""
    if wanted == "scalar":
        return not isinstance(value, list | dict)
    if wanted == "integer":
        return type_of(value) == "number" and float(value).is_integer()
    if wanted == "nonFinite":
        return type_of(value) == "number" and abs(float(value)) == float("inf")
    if wanted == "null":
        return value is None
    if wanted == "array":
        return isinstance(value, list)
    if wanted == "object":
        return isinstance(value, dict | list)
    return type_of(value) == wanted


def _member(expression: syntax.Member) -> Evaluate:
    of = _compile(expression.of)
    if isinstance(expression.name, syntax.Literal):
        name = expression.name.value
        if isinstance(expression.of, syntax.Variable) and expression.of.name == "@" and isinstance(name, str):
            return _member_of_the_node(name)
        return lambda value, key, spot: member(of(value, key, spot), name)
    name_of = _compile(expression.name)
    return lambda value, key, spot: member(of(value, key, spot), name_of(value, key, spot))


def _member_of_the_node(name: str) -> Evaluate:
    def evaluate(value: Any, key: Any, spot: Spot) -> Any:
        if type(value) is dict and name in value:
            return value[name]
        return member(value, name)

    return evaluate


def _call(expression: syntax.Call) -> Evaluate:
    of = _compile(expression.of)
    call = method(expression.method)
    arguments = [_compile(each) for each in expression.arguments]
    return lambda value, key, spot: call(of(value, key, spot), [argument(value, key, spot) for argument in arguments])


def _unary(expression: syntax.Unary) -> Evaluate:
    operand = _compile(expression.operand)
    if expression.operator == "!":
        return lambda value, key, spot: not truthy(operand(value, key, spot))
    if expression.operator == "-":
        return lambda value, key, spot: -number_of(operand(value, key, spot))
    if expression.operator == "+":
        return lambda value, key, spot: number_of(operand(value, key, spot))
    if expression.operator == "typeof":
        return lambda value, key, spot: type_of(operand(value, key, spot))
    return lambda value, key, spot: UNDEFINED


_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "===": same,
    "!==": lambda left, right: not same(left, right),
    "==": loosely_equal,
    "!=": lambda left, right: not loosely_equal(left, right),
    "<": lambda left, right: less(left, right) is True,
    ">": lambda left, right: less(right, left) is True,
    "<=": lambda left, right: less(right, left) is False,
    ">=": lambda left, right: less(left, right) is False,
    "in": lambda left, right: isinstance(right, dict | list) and member(right, text_of(left)) is not UNDEFINED,
}


def _binary(expression: syntax.Binary) -> Evaluate:
    left, right = _compile(expression.left), _compile(expression.right)
    operator = expression.operator
    compare = _COMPARISONS.get(operator)
    if compare is None:
        return lambda value, key, spot: arithmetic(operator, left(value, key, spot), right(value, key, spot))
    return lambda value, key, spot: compare(left(value, key, spot), right(value, key, spot))


def _logical(expression: syntax.Logical) -> Evaluate:
    left, right = _compile(expression.left), _compile(expression.right)
    operator = expression.operator

    def evaluate(value: Any, key: Any, spot: Spot) -> Any:
        first = left(value, key, spot)
        if operator == "??":
            keeps = first is not None and first is not UNDEFINED
        else:
            keeps = truthy(first) == (operator == "||")
        return first if keeps else right(value, key, spot)

    return evaluate


def _conditional(expression: syntax.Conditional) -> Evaluate:
    test, yes, no = _compile(expression.test), _compile(expression.yes), _compile(expression.no)
    return lambda value, key, spot: (yes if truthy(test(value, key, spot)) else no)(value, key, spot)


def _array(expression: syntax.Array) -> Evaluate:
    items = [_compile(each) for each in expression.items]
    return lambda value, key, spot: [item(value, key, spot) for item in items]


_COMPILERS: Final[dict[type, Callable[[Any], Evaluate]]] = {
    syntax.Literal: _literal,
    syntax.Pattern: _pattern,
    syntax.Variable: _variable,
    syntax.TypeTest: _type_test,
    syntax.Member: _member,
    syntax.Call: _call,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Logical: _logical,
    syntax.Conditional: _conditional,
    syntax.Array: _array,
}
