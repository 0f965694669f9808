"""Macros: calls whose arguments are not all evaluated beforehand (`has`, `all`, `map`, `cel.bind`, `orValue` ...)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from apim_core.expressions import comprehensions
from apim_core.expressions.code import Activation, Code, Run
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.nodes import Call, ListLiteral, Literal, Name, Node, Select
from apim_core.expressions.scope import Scope
from apim_core.expressions.types import BOOL, LIST, MAP, OPTIONAL, Type
from apim_core.expressions.values import MISSING, NONE, Optional, native, type_of

if TYPE_CHECKING:
    from apim_core.expressions.compiler import Compiler

Macro = Callable[["Compiler", Call, Scope], Code]


def find_macro(node: Call) -> Macro | None:
    """The macro that a call means, if it means one."""
    if node.target is None:
        return _has if node.function == "has" else None
    if isinstance(node.target, Name) and node.target.name == "cel":
        return _OF_CEL.get(node.function)
    return METHOD_MACROS.get(node.function)


def needs_activation(node: Node) -> bool:
    """Whether the code of this node keeps local variables."""
    return isinstance(node, Call) and node.target is not None and node.function in _WITH_VARIABLES


def _has(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    argument = node.arguments[0] if len(node.arguments) == 1 else None
    if not isinstance(argument, Select):
        raise compiler.error(
            "has() takes one field selection", node.offset, "write has(a.b), has(a.`b-c`), or 'key' in a"
        )
    return compiler.presence(argument, scope)


def _variable_name(compiler: "Compiler", node: Node) -> str:
    if isinstance(node, Name) and not node.absolute:
        return node.name
    name = _generated_name(node)
    if name is None or not name.startswith("@it"):
        raise compiler.error("the macro's variable must be a simple name", node.offset)
    return name


def _generated_name(node: Node) -> str | None:
    """The variable that `cel.index(n)` or `cel.iterVar(n, m)` stands for."""
    match node:
        case Call(target=Name(name="cel"), function="index", arguments=(Literal(value=int() as number),)):
            return f"@index:{number}"
        case Call(
            target=Name(name="cel"),
            function="iterVar",
            arguments=(Literal(value=int() as depth), Literal(value=int() as number)),
        ):
            return f"@it:{depth}:{number}"
    return None


def _generated(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    name = _generated_name(node)
    run = scope.locals.get(name) if name else None
    if run is None:
        raise compiler.error(f"cel.{node.function}() names no variable here", node.offset)
    return Code(run)


def _read_slot(slot: int) -> Run:
    return lambda activation: activation.slots[slot]


Builder = Callable[..., Run]


def _comprehension(build: Builder, kind: Type, counts: Mapping[int, int], *, optional_condition: bool) -> Macro:
    """A macro over elements; `counts` says for a number of arguments how many of them are variables."""

    def macro(compiler: "Compiler", node: Call, scope: Scope) -> Code:
        assert node.target is not None
        variables = counts.get(len(node.arguments))
        if variables is None:
            expected = " or ".join(map(str, counts))
            raise compiler.error(f"{node.function}() takes {expected} arguments", node.offset)
        names = [_variable_name(compiler, argument) for argument in node.arguments[:variables]]
        if len(set(names)) < len(names):
            raise compiler.error(f"{node.function}() needs two different variables", node.offset)
        slots = [compiler.new_slot() for _ in names]
        target = compiler.compile(node.target, scope).run
        make_visit: Any = comprehensions.visit_one if variables == 1 else comprehensions.visit_two
        inner = scope.declare(**{name: _read_slot(slot) for name, slot in zip(names, slots, strict=True)})
        parts: list[Run | None] = [compiler.compile(part, inner).run for part in node.arguments[variables:]]
        if optional_condition and len(parts) == 1:
            parts.insert(0, None)
        return Code(build(make_visit(target, *slots), *parts), kind)

    return macro


def _bind(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    if len(node.arguments) != 3:
        raise compiler.error("cel.bind() takes 3 arguments: variable, value, expression", node.offset)
    name = _variable_name(compiler, node.arguments[0])
    slot = compiler.new_slot()
    value = compiler.compile(node.arguments[1], scope).run
    body = compiler.compile(node.arguments[2], scope.declare(**{name: _read_slot(slot)}))
    run = body.run

    def bind(activation: Activation) -> Any:
        activation.slots[slot] = value(activation)
        return run(activation)

    return Code(bind, body.kind)


def _block(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    if len(node.arguments) != 2 or not isinstance(node.arguments[0], ListLiteral):
        raise compiler.error("cel.block() takes a list of expressions and an expression", node.offset)
    slots: list[int] = []
    inner = scope
    for number, element in enumerate(node.arguments[0].elements):
        slots.append(compiler.new_slot())
        inner = inner.declare(
            **{f"@index:{number}": _read_lazily(slots[-1], compiler.compile(element.value, inner).run)}
        )
    body = compiler.compile(node.arguments[1], inner)
    run = body.run

    def block(activation: Activation) -> Any:
        for slot in slots:
            activation.slots[slot] = MISSING
        return run(activation)

    return Code(block, body.kind)


def _read_lazily(slot: int, compute: Run) -> Run:
    def read(activation: Activation) -> Any:
        if activation.slots[slot] is MISSING:
            activation.slots[slot] = compute(activation)
        return activation.slots[slot]

    return read


def _optional_target(compiler: "Compiler", node: Call, scope: Scope, arguments: int) -> Run:
    assert node.target is not None
    if len(node.arguments) != arguments:
        raise compiler.error(f"{node.function}() takes {arguments} arguments", node.offset)
    return compiler.compile(node.target, scope).run


def _as_optional(value: Any, function: str) -> Optional:
    if isinstance(value, Optional):
        return value
    raise EvaluationError(f"no such overload: {function}() on {type_of(native(value))}, which is not optional")


def _opt_map(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    target = _optional_target(compiler, node, scope, 2)
    slot, flat = compiler.new_slot(), node.function == "optFlatMap"
    name = _variable_name(compiler, node.arguments[0])
    run = compiler.compile(node.arguments[1], scope.declare(**{name: _read_slot(slot)})).run

    def apply(activation: Activation) -> Optional:
        optional = _as_optional(target(activation), node.function)
        if optional.value is MISSING:
            return NONE
        activation.slots[slot] = optional.value
        value = run(activation)
        return _as_optional(value, node.function) if flat else Optional(value)

    return Code(apply, OPTIONAL)


def _or_else(compiler: "Compiler", node: Call, scope: Scope) -> Code:
    """`or` and `orValue`, which look at their argument only if it is needed."""
    target = _optional_target(compiler, node, scope, 1)
    run, wants_value = compiler.compile(node.arguments[0], scope).run, node.function == "orValue"

    def choose(context: Any) -> Any:
        optional = _as_optional(target(context), node.function)
        if optional.value is not MISSING:
            return optional.value if wants_value else optional
        other = run(context)
        return other if wants_value else _as_optional(other, node.function)

    return Code(choose, None if wants_value else OPTIONAL)


_TRANSFORM = {3: 2, 4: 2}
_PREDICATE = {2: 1, 3: 2}

_exists_one = _comprehension(comprehensions.exactly_one, BOOL, _PREDICATE, optional_condition=False)

_COMPREHENSIONS: Mapping[str, Macro] = {
    "all": _comprehension(comprehensions.every, BOOL, _PREDICATE, optional_condition=False),
    "exists": _comprehension(comprehensions.some, BOOL, _PREDICATE, optional_condition=False),
    "exists_one": _exists_one,
    "existsOne": _exists_one,
    "filter": _comprehension(comprehensions.keep, LIST, {2: 1}, optional_condition=False),
    "map": _comprehension(comprehensions.transform_list, LIST, {2: 1, 3: 1}, optional_condition=True),
    "transformList": _comprehension(comprehensions.transform_list, LIST, _TRANSFORM, optional_condition=True),
    "transformMap": _comprehension(comprehensions.transform_map, MAP, _TRANSFORM, optional_condition=True),
    "transformMapEntry": _comprehension(comprehensions.transform_entries, MAP, _TRANSFORM, optional_condition=True),
}
METHOD_MACROS: Mapping[str, Macro] = {
    **_COMPREHENSIONS,
    "optMap": _opt_map,
    "optFlatMap": _opt_map,
    "or": _or_else,
    "orValue": _or_else,
}
_OF_CEL: Mapping[str, Macro] = {"bind": _bind, "block": _block, "index": _generated, "iterVar": _generated}
_WITH_VARIABLES = frozenset({*_COMPREHENSIONS, "optMap", "optFlatMap", "bind", "block"})
