"""Code for list and map literals, with optional elements and entries."""

from typing import Any

import attrs

from apim_core.expressions.code import Code, Run, folded
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import LIST, MAP
from apim_core.expressions.values import MISSING, Optional, make_map, native, type_of


@attrs.frozen(eq=False)
class Item:
    """The code of an element, or of an entry with its key."""

    value: Code
    optional: bool
    key: Code | None = None

    @property
    def is_constant(self) -> bool:
        return self.value.is_constant and (self.key is None or self.key.is_constant)


def list_literal(items: tuple[Item, ...]) -> Code:
    """`[a, ?b]`, as a tuple."""
    runs = tuple(item.value.run for item in items)
    if not any(item.optional for item in items):
        code = Code(lambda context: tuple([run(context) for run in runs]), LIST)
    else:
        parts = tuple((item.value.run, item.optional) for item in items)
        code = Code(lambda context: tuple(_present(parts, context)), LIST)
    return folded(code) if all(item.is_constant for item in items) else code


def map_literal(items: tuple[Item, ...]) -> Code:
    """`{k: v, ?k2: v2}`, as a new dict for each evaluation, since the caller may get hold of it."""
    run = _map_run(items)
    if not all(item.is_constant for item in items):
        return Code(run, MAP)
    try:
        return Code(run, MAP, run(None))
    except EvaluationError:
        return Code(run, MAP)


def _map_run(items: tuple[Item, ...]) -> Run:
    keys = [item.key.constant for item in items if item.key is not None]
    if all(type(key) is str for key in keys) and len(set(keys)) == len(items) and not any(i.optional for i in items):
        named = tuple(zip(keys, (item.value.run for item in items), strict=True))
        return lambda context: {key: run(context) for key, run in named}
    parts = tuple((item.key.run, item.value.run, item.optional) for item in items if item.key is not None)

    def build(context: Any) -> Any:
        entries: list[tuple[Any, Any]] = []
        for key, run, optional in parts:
            value = run(context)
            if optional:
                value = _content(value)
            if value is not MISSING:
                entries.append((key(context), value))
        return make_map(entries)

    return build


def _present(parts: tuple[tuple[Run, bool], ...], context: Any) -> list[Any]:
    values = [_content(run(context)) if optional else run(context) for run, optional in parts]
    return [value for value in values if value is not MISSING]


def _content(value: Any) -> Any:
    if isinstance(value, Optional):
        return value.value
    raise EvaluationError(f"an optional element must be an optional value, not {type_of(native(value))}")
