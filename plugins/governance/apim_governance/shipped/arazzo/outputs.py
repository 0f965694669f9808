"""``arazzoWorkflowOutputNamesValidation`` and ``arazzoStepOutputNamesValidation``: what workflows and steps give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.workflows import steps_of, workflows_of

__all__ = ["StepOutputs", "WorkflowOutputs"]

_NAME: Final = re.compile(r"[a-zA-Z0-9.\-_]+")


@attrs.frozen
class WorkflowOutputs(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        workflows = list(workflows_of(target))
        if not _readable(workflow for _, workflow in workflows):
            return
        for number, workflow in workflows:
            yield from _wrong(workflow, number, ("workflows", number), target)


@attrs.frozen
class StepOutputs(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        steps = list(steps_of(target))
        if not _readable(step.step for step in steps):
            return
        for step in steps:
            yield from _wrong(step.step, step.number, step.path, target)


def _readable(holders: Iterable[dict[str, Any]]) -> bool:
    """Whether all outputs are texts; else the rule for the structure tells of it, and only that."""
    found = [holder["outputs"] for holder in holders if "outputs" in holder]
    return all(isinstance(each, dict) and all(isinstance(value, str) for value in each.values()) for each in found)


def _wrong(holder: dict[str, Any], number: int, path: JSONPath, document: Any) -> Iterator[Violation]:
    outputs = holder.get("outputs")
    for name, value in outputs.items() if isinstance(outputs, dict) else ():
        place = (*path, "outputs", name)
        if _NAME.fullmatch(name) is None:
            yield Violation(f'"{name}" does not match the required pattern "^[a-zA-Z0-9.\\-_]+$".', place)
        if not is_runtime_expression(value, document, number):
            yield Violation(f'"{value}" is not a valid runtime expression.', place)
