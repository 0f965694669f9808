"""The converter that makes instances of attrs classes of plain data, as quickly as it can.

It is cattrs with our own hooks for everything, since its own convert where we refuse. It stops at the first problem;
``diagnosis`` finds all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from apim_core.config import shapes
from apim_core.config.hooks import LEAVES, Refused, choose, refusal

__all__ = ["Hook", "converter", "mapping_key"]

Hook = Callable[[Any, Any], Any]


@cache
def converter() -> Converter:
    """The converter that knows every type that a configuration may use."""
    made = Converter(detailed_validation=False, forbid_extra_keys=True)
    for kind, hook in LEAVES.items():
        if kind is type(None):
            made.register_structure_hook_func(lambda candidate: candidate is type(None), hook)
        else:
            made.register_structure_hook(kind, hook)

    def register(applies: Callable[[Any], bool], factory: Callable[[Converter, Any], Hook]) -> None:
        made.register_structure_hook_factory(applies, lambda kind: factory(made, kind))

    register(lambda kind: kind is object, lambda _, __: lambda value, ___: value)
    register(lambda kind: shapes.values_of(kind) is not None, _mapping)
    register(lambda kind: shapes.items_of(kind) is not None, _sequence)
    register(lambda kind: shapes.choices_of(kind) is not None, _choice)
    register(lambda kind: bool(shapes.members_of(kind)), _union)
    register(lambda kind: shapes.is_class(kind) and kind not in LEAVES, _class)
    register(lambda kind: kind in shapes.SHORTHANDS, _shorthand)
    return made


def _later(made: Converter, kind: Any) -> Hook:
    """The hook of a type, looked up when it is first needed, so that a type may contain itself."""
    found: Hook | None = None

    def hook(value: Any, _: Any) -> Any:
        nonlocal found
        if found is None:
            found = made.get_structure_hook(kind)
        return found(value, kind)

    return hook


def _class(made: Converter, cls: Any) -> Hook:
    renamed = {field.name: override(rename=key) for key, field in shapes.options_of(cls).items() if key != field.name}
    generate: Any = make_dict_structure_fn  # its stub takes every keyword for one of its own options
    generated = generate(cls, made, _cattrs_forbid_extra_keys=True, **renamed)

    def hook(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise refusal("a mapping", value)
        return generated(value, cls)

    return hook


def _sequence(made: Converter, kind: Any) -> Hook:
    described = shapes.items_of(kind)
    assert described is not None
    make, item, fixed = described
    if fixed is not None:
        hooks = [_later(made, each) for each in fixed]

        def fixed_hook(value: Any, _: Any) -> Any:
            if value.__class__ is not list or len(value) != len(hooks):
                raise refusal(f"a list of {len(hooks)} items", value)
            return tuple(hook(inner, None) for hook, inner in zip(hooks, value, strict=True))

        return fixed_hook
    inner_hook = _later(made, item)

    def hook(value: Any, _: Any) -> Any:
        if value.__class__ is not list:
            raise refusal("a list", value, None if value is None else "begin each item with '- ', or use [brackets]")
        return make([inner_hook(inner, item) for inner in value])

    return hook


def _mapping(made: Converter, kind: Any) -> Hook:
    described = shapes.values_of(kind)
    assert described is not None
    key, item = described
    inner_hook = _later(made, item)
    key_hook = mapping_key(made, key)

    def hook(value: Any, _: Any) -> Any:
        if value.__class__ is not dict:
            raise refusal("a mapping", value)
        return {key_hook(name, key): inner_hook(inner, item) for name, inner in value.items()}

    return hook


def mapping_key(made: Converter, kind: Any) -> Hook:
    """The hook for keys of a mapping, which are always text in a document; whole numbers are read from it."""
    found: Hook = made.get_structure_hook(kind)
    if kind is not int:
        return found

    def hook(value: Any, _: Any) -> Any:
        if value.__class__ is str and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20:
            return int(value)
        return found(value, kind)

    return hook


def _choice(made: Converter, kind: Any) -> Hook:
    choices = shapes.choices_of(kind)
    assert choices is not None
    return lambda value, _: choose(value, choices)


def _union(made: Converter, kind: Any) -> Hook:
    members = [member for member in shapes.members_of(kind) if member is not type(None)]
    optional = len(members) < len(shapes.members_of(kind))
    hooks = [_later(made, member) for member in members]

    def hook(value: Any, _: Any) -> Any:
        if value is None and optional:
            return None
        refusals: list[Exception] = []
        for each in hooks:
            try:
                return each(value, None)
            except Exception as error:
                refusals.append(error)
        raise _united(refusals)

    return hook


def _united(refusals: list[Exception]) -> Exception:
    """One refusal for all members of a union, made of those by members that the value can be meant for."""
    meant = [each for each in refusals if not getattr(each, "of_another_kind", False)] or refusals
    if len(meant) == 1:
        return meant[0]
    hints = [hint for each in meant if (hint := getattr(each, "hint", None))]
    return Refused("; or ".join(dict.fromkeys(map(str, meant))), hints[0] if hints else None)


def _shorthand(made: Converter, kind: Any) -> Hook:
    shorthand = shapes.SHORTHANDS[kind]
    short = _later(made, shorthand.inner)
    full = _class(made, kind) if shapes.is_class(kind) else _sequence(made, kind) if shapes.items_of(kind) else None
    full = full or _later(made, shorthand.otherwise)

    def hook(value: Any, _: Any) -> Any:
        return shorthand.make(short(value, None)) if shorthand.applies(value) else full(value, kind)

    return hook
