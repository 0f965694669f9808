"""What a type annotation allows, in the few shapes that structuring, diagnosis and the JSON Schema tell apart."""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence, Set
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin

import attrs

from apim_core.config.references import PlanLimit, Step
from apim_core.config.server import Address, Listener

__all__ = [
    "SHORTHANDS",
    "Shorthand",
    "choices_of",
    "is_anything",
    "is_class",
    "items_of",
    "key_of",
    "members_of",
    "options_of",
    "plain",
    "values_of",
]

_SEQUENCES: Final[dict[Any, Callable[[Iterable[Any]], Any]]] = {
    tuple: tuple,
    list: list,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    MutableSequence: list,
    Collection: tuple,
    Iterable: tuple,
    Set: frozenset,
}
_MAPPINGS: Final = (dict, Mapping, MutableMapping)


@attrs.frozen
class Shorthand:
    """Another way to write a value of some type: where ``applies``, ``inner`` is written and ``make`` wraps it.

    Elsewhere it is written as the type itself, or as ``otherwise``.
    """

    applies: Callable[[Any], bool]
    inner: Any
    make: Callable[[Any], Any]
    otherwise: Any = None


def _names_a_policy(value: Any) -> bool:
    """Whether a limit is a policy with its settings: those of the other form are single values."""
    return isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values())


SHORTHANDS: Final[Mapping[Any, Shorthand]] = types.MappingProxyType(
    {
        tuple[Listener, ...]: Shorthand(lambda value: not isinstance(value, list), Listener, lambda one: (one,)),
        Listener: Shorthand(lambda value: not isinstance(value, dict), Address, Listener),
        PlanLimit | Step: Shorthand(_names_a_policy, Step, lambda step: step, PlanLimit),
    }
)


def plain(kind: Any) -> Any:
    """A type without what structuring does not look at: Annotated and NewType."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        else:
            return kind


def is_anything(kind: Any) -> bool:
    """Whether any value will do."""
    return kind is Any or kind is object or kind is None


def is_class(kind: Any) -> bool:
    """Whether it is an attrs class whose fields are keys of a mapping."""
    return isinstance(kind, type) and attrs.has(kind)


def members_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union, in order; of no union, none."""
    return tuple(map(plain, get_args(kind))) if get_origin(kind) in (Union, types.UnionType) else ()


def choices_of(kind: Any) -> Mapping[Any, Any] | None:
    """What may be written for a Literal or an enum, and what each stands for; None when it is neither."""
    if get_origin(kind) is Literal:
        return {choice: choice for choice in get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {member.value: member for member in kind}
    return None


def items_of(kind: Any) -> tuple[Callable[[Iterable[Any]], Any], Any, tuple[Any, ...] | None] | None:
    """For a list of something: what makes it, the type of its items, and for a tuple of fixed length all its types."""
    origin = get_origin(kind) or kind
    make = _SEQUENCES.get(origin) if isinstance(origin, type) else None
    if make is None:
        return None
    arguments = tuple(map(plain, get_args(kind)))
    if not arguments:
        return make, Any, None
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return make, Any, arguments
    return make, arguments[0], None


def values_of(kind: Any) -> tuple[Any, Any] | None:
    """The types of key and value of a mapping; None when it is none."""
    origin = get_origin(kind) or kind
    if origin not in _MAPPINGS:
        return None
    arguments = get_args(kind)
    return (plain(arguments[0]), plain(arguments[1])) if arguments else (str, Any)


def key_of(attribute: attrs.Attribute[Any]) -> str:
    """The key under which a field is written: its name, without the underscore that keeps it off a Python keyword."""
    key: str = attribute.metadata.get("key") or attribute.name.strip("_")
    return key


@cache
def options_of(cls: type[Any]) -> Mapping[str, attrs.Attribute[Any]]:
    """The fields of an attrs class that may be written, by their keys. Their types are resolved."""
    resolved = attrs.resolve_types(cls)
    return types.MappingProxyType({key_of(field): field for field in attrs.fields(resolved) if field.init})
