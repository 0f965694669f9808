"""``arazzoStepFailureActionsValidation`` and ``arazzoStepSuccessActionsValidation``: what comes after a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.criteria import wrong_with_criteria
from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.reuse import DUPLICATE, INVALID, MISSING, combined
from apim_governance.shipped.arazzo.workflows import Step, items_of, steps_of, workflows_of

__all__ = ["FailureActions", "SuccessActions"]


@attrs.frozen
class _Actions(RulesetFunction):
    """What both have in common."""

    component: ClassVar[str]
    member: ClassVar[str]
    word: ClassVar[str]
    that_go: ClassVar[tuple[str, ...]]

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for step in steps_of(target):
            yield from self._of_step(step, target)

    def _of_step(self, step: Step, document: Any) -> Iterator[Violation]:
        written = items_of(step.workflow, self.component), items_of(step.step, self.member)
        seen: set[str] = set()
        for index, entry in enumerate(combined(*written, document, self.component, _identity)):
            place = (*step.path, self.member, index)
            if entry.name in seen:
                yield Violation(f'"{entry.name}" must be unique within the combined {self.word} actions.', place)
            seen.add(entry.name)
            if DUPLICATE in entry.faults:
                yield Violation(f'Duplicate {self.word} action name: "{entry.name}".', place)
            elif INVALID in entry.faults:
                text = f'Invalid runtime expression for reusable action reference: "{entry.name}".'
                yield Violation(text, place)
            elif MISSING in entry.faults:
                yield Violation(f'Non-existing reusable action reference: "{entry.name}".', place)
            if entry.value.get("type") in self.that_go:
                yield from _goes_wrong(entry.value, step, document, place)
            yield from wrong_with_criteria(entry.value, "criteria", place, document)


@attrs.frozen
class FailureActions(_Actions):
    """Looks at a whole document."""

    component = "failureActions"
    member = "onFailure"
    word = "failure"
    that_go = ("goto", "retry")


@attrs.frozen
class SuccessActions(_Actions):
    """Looks at a whole document."""

    component = "successActions"
    member = "onSuccess"
    word = "success"
    that_go = ("goto",)


def _identity(action: dict[str, Any]) -> tuple[str, ...] | None:
    return (str(action["name"]),) if "name" in action and "type" in action else None


def _goes_wrong(action: dict[str, Any], step: Step, document: Any, place: JSONPath) -> Iterator[Violation]:
    """What is wrong with where an action leads."""
    workflow, target = action.get("workflowId"), action.get("stepId")
    if isinstance(workflow, str):
        if workflow.startswith("$"):
            names = [each.get("name") for each in items_of(document, "sourceDescriptions") if isinstance(each, dict)]
            if not is_runtime_expression(workflow, document) or workflow.split(".")[1:2] not in [[n] for n in names]:
                text = f'"workflowId" "{workflow}" is not a valid reference or does not exist in sourceDescriptions.'
                yield Violation(text, place)
        elif all(each.get("workflowId") != workflow for _, each in workflows_of(document)):
            text = f'"workflowId" "{workflow}" does not exist within the local Arazzo Document workflows.'
            yield Violation(text, place)
    steps = [each for each in items_of(step.workflow, "steps") if isinstance(each, dict)]
    if target is not None and all(each.get("stepId") != target for each in steps):
        yield Violation(f'"stepId" "{target}" does not exist within the current workflow.', place)
    if workflow is not None and target is not None:
        yield Violation('"workflowId" and "stepId" are mutually exclusive and cannot be specified together.', place)
