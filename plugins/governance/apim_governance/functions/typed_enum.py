"""``typedEnum``: whether the values of an ``enum`` are of the ``type`` beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.messages import printed

__all__ = ["TypedEnum"]


@attrs.frozen
class TypedEnum(RulesetFunction):
    """Each value of the ``enum`` of a schema must be of its ``type``, or null where ``nullable`` says so."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or not isinstance(target.get("enum"), list) or "type" not in target:
            return
        types = target["type"] if isinstance(target["type"], list) else [target["type"]]
        nullable = (target.get("nullable") is True and "oas3.0" in context.formats) or (
            target.get("x-nullable") is True and "oas2" in context.formats
        )
        if not all(isinstance(each, str) for each in types):
            return
        wanted = [*types, "null"] if nullable else list(types)
        for index, value in enumerate(target["enum"]):
            if any(_is(value, kind) for kind in wanted):
                continue
            text = f"""Enum value {printed(value)} must be "{",".join(wanted)}"."""
            yield Violation(text, (*context.path, "enum", index))


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return kind in types and isinstance(value, types[kind])
