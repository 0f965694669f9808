"""``arazzoStepParametersValidation``: the parameters of steps, with those of their workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.reuse import DUPLICATE, INVALID, MISSING, Entry, combined
from apim_governance.shipped.arazzo.workflows import Step, items_of, steps_of

__all__ = ["StepParameters"]

_FOR_VALUES: Final = re.compile(
    r"\$inputs\.|\$steps\.[A-Za-z0-9_-]+\.|\$workflows\.[A-Za-z0-9_-]+\.steps\.[A-Za-z0-9_-]+\."
)


@attrs.frozen
class StepParameters(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for step in steps_of(target):
            if "parameters" not in step.step:
                continue
            written = items_of(step.workflow, "parameters"), items_of(step.step, "parameters")
            entries = combined(*written, target, "parameters", _identity)
            place = (*step.path, "parameters")
            yield from _named_wrong(entries, place)
            yield from _placed_wrong(entries, step, place)
            for index, entry in enumerate(entries):
                value = entry.value.get("value")
                if isinstance(value, str) and value.startswith("$"):
                    known = _FOR_VALUES.match(value) and is_runtime_expression(value, target, step.number)
                    if not known:
                        yield Violation(f'Invalid runtime expression: "{value}" for parameter.', (*place, index))


def _identity(parameter: dict[str, Any]) -> tuple[str, ...] | None:
    name, place = parameter.get("name"), parameter.get("in", "")
    return (name, place) if isinstance(name, str) and isinstance(place, str) else None


def _named_wrong(entries: list[Entry], place: JSONPath) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry.name
        if name in seen:
            yield Violation(f'"{name}" must be unique within the combined parameters.', (*place, index))
        seen.add(name)
        if DUPLICATE in entry.faults:
            text = f'Duplicate parameter: "{name}" must be unique within the combined parameters.'
        elif INVALID in entry.faults:
            text = f'Invalid runtime expression for reusable parameter reference: "{name}".'
        elif MISSING in entry.faults:
            text = f'Unresolved reusable parameter reference: "{name}".'
        else:
            continue
        yield Violation(text, (*place, index))


def _placed_wrong(entries: list[Entry], step: Step, place: JSONPath) -> Iterator[Violation]:
    some = any("in" in entry.value for entry in entries)
    others = any("in" not in entry.value for entry in entries)
    if some and others:
        yield Violation('Parameters must not mix "in" field presence.', place)
    if some and step.step.get("workflowId") is not None:
        yield Violation('Step with "workflowId" must not have parameters with an "in" field.', place)
    if others and any(step.step.get(name) is not None for name in ("operationId", "operationPath")):
        text = 'Step with "operationId" or "operationPath" must have parameters with an "in" field.'
        yield Violation(text, place)
