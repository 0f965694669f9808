"""``asyncApi2MessageExamplesValidation``: examples of messages are valid by the schemas of their parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.schema import Schema, violations

__all__ = ["MessageExamples"]


@attrs.frozen
class MessageExamples(RulesetFunction):
    """Looks at a message, with its traits merged into it."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or not all(
            isinstance(target.get(member, ""), str) for member in ("name", "summary")
        ):
            return
        message = _with_traits(target)
        examples = message.get("examples")
        for index, example in enumerate(examples if isinstance(examples, list) else ()):
            for part in ("payload", "headers"):
                if not isinstance(example, dict) or part not in example:
                    continue
                schema = message.get(part)
                if not isinstance(schema, dict):  # any value will do, or nobody can say
                    continue
                validator = Schema(schema).validator
                value = example[part]
                yield from violations(
                    lambda validator=validator, value=value: validator.errors(value, True),  # type: ignore[misc]
                    value,
                    context,
                    (*context.path, "examples", index, part),
                )


def _with_traits(message: dict[str, Any]) -> dict[str, Any]:
    merged = dict(message)
    traits = message.get("traits")
    for trait in traits if isinstance(traits, list) else ():
        for member, value in trait.items() if isinstance(trait, dict) else ():
            merged[member] = _merged(merged.get(member), value)
    return merged


def _merged(value: Any, patch: Any) -> Any:
    """A value with a merge patch (RFC 7396) on it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for member, change in patch.items():
        if change is None:
            result.pop(member, None)
        else:
            result[member] = _merged(result.get(member), change)
    return result
