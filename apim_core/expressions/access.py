"""Code for `operand.field`, `operand[index]`, their optional forms, and the presence test `has()`.

Only maps, optional values, the fields of a `Record` and a `Lookup` can be selected from, and only these and lists
indexed: no attribute of a Python object is within reach of an expression.
"""

from collections.abc import Mapping
from typing import Any

from apim_core.expressions.code import Code, Run, folded, is_immutable
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import BOOL, LIST, MAP, OPTIONAL
from apim_core.expressions.values import (
    MISSING,
    NONE,
    OpenMap,
    Optional,
    UInt,
    describe,
    find_key,
    native,
    type_of,
)


def selection(operand: Code, field: str) -> Code:
    """`operand.field`."""
    if operand.read_key is not None:
        return Code(operand.read_key(field))
    run = operand.run

    def select(context: Any) -> Any:
        value = run(context)
        if type(value) is dict and field in value:
            return value[field]
        return select_field(value, field)

    return _folded_if_constant(Code(select), operand)


def indexing(operand: Code, index: Code) -> Code:
    """`operand[index]`."""
    if operand.read_key is not None and type(index.constant) is str:
        return Code(operand.read_key(index.constant))
    held = operand.constant
    if operand.is_constant and (not isinstance(held, Mapping) or all(map(is_immutable, held.values()))):
        key_of = index.run
        return _folded_if_constant(Code(lambda context: index_value(held, key_of(context))), operand, index)
    run, at = operand.run, index.run
    return Code(lambda context: index_value(run(context), at(context)))


def optional_access(operand: Code, key: Code) -> Code:
    """`operand.?key` and `operand[?key]`."""
    if operand.read_key is not None and type(key.constant) is str:
        return optional(operand.read_key(key.constant))
    run, at = operand.run, key.run
    return _folded_if_constant(Code(lambda context: find(run(context), at(context)), OPTIONAL), operand, key)


def presence(operand: Code, field: str) -> Code:
    """`has(operand.field)`."""
    if operand.read_key is not None:
        return is_present(operand.read_key(field))
    run = operand.run
    return _folded_if_constant(Code(lambda context: _has(run(context), field), BOOL), operand)


def is_present(read: Run) -> Code:
    """Whether what is read is not null: the presence of a field of a record, or of a key of a lookup."""
    return Code(lambda context: read(context) is not None, BOOL)


def optional(read: Run) -> Code:
    """What is read as an optional value; null gives none."""

    def find_value(context: Any) -> Optional:
        value = read(context)
        return NONE if value is None else Optional(value)

    return Code(find_value, OPTIONAL)


def select_field(value: Any, field: str) -> Any:
    """The value under the field of a map, or of the map inside an optional value."""
    held = native(value)
    kind = type_of(held)
    if kind is OPTIONAL:
        return find(held, field)
    if kind is not MAP:
        raise EvaluationError(f"{kind} has no fields, so there is no .{field}")
    return _key_of(held, field)


def index_value(value: Any, index: Any) -> Any:
    """The value at the index of a list, under the key of a map, or that inside an optional value."""
    held = native(value)
    kind = type_of(held)
    if kind is MAP:
        return _key_of(held, index)
    if kind is OPTIONAL:
        return find(held, index)
    if kind is not LIST:
        raise EvaluationError(f"no such overload: {kind}[{type_of(index)}]")
    element = _element(held, index)
    if element is MISSING:
        raise EvaluationError(f"index out of range: {describe(index)} in a list of {len(held)}")
    return element


def find(value: Any, key: Any) -> Optional:
    """The optional value under a key or index; `NONE` if it is absent or there is nothing to look into."""
    held = native(value)
    if type(held) is Optional:
        return NONE if held.value is MISSING else find(held.value, key)
    kind = type_of(held)
    if kind is MAP:
        found = find_key(held, key)
    elif kind is LIST:
        found = _element(held, key)
    else:
        raise EvaluationError(f"no such overload: {kind}[?{type_of(key)}]")
    return NONE if found is MISSING else Optional(found)


def _has(value: Any, field: str) -> bool:
    held = native(value)
    kind = type_of(held)
    if kind is OPTIONAL or kind is MAP:
        return find(held, field) is not NONE
    raise EvaluationError(f"no such overload: has() on {kind}")


def _key_of(mapping: Any, key: Any) -> Any:
    found = find_key(mapping, key)
    if found is not MISSING:
        return found
    if type(mapping) is OpenMap:
        return None
    raise EvaluationError(f"no such key: {describe(key)}")


def _element(elements: Any, index: Any) -> Any:
    position = native(index)
    if type(position) is float and position.is_integer():
        position = int(position)
    if type(position) is not int and type(position) is not UInt:
        raise EvaluationError(f"a list has no index {describe(index)} of type {type_of(position)}")
    return elements[position] if 0 <= position < len(elements) else MISSING


def _folded_if_constant(code: Code, *operands: Code) -> Code:
    return folded(code) if all(each.is_constant for each in operands) else code
