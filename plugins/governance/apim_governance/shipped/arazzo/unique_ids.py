"""``arazzoWorkflowIdUniqueness`` and ``arazzoStepIdUniqueness``: ids are given once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.workflows import items_of, workflows_of

__all__ = ["UniqueStepIds", "UniqueWorkflowIds"]


@attrs.frozen
class UniqueWorkflowIds(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        seen: set[str] = set()
        for number, workflow in workflows_of(target):
            identity = workflow.get("workflowId")
            if identity is not None and str(identity) in seen:
                text = f'"workflowId" must be unique across all workflows. "{identity}" is duplicated.'
                yield Violation(text, ("workflows", number, "workflowId"))
            seen.add(str(identity))


@attrs.frozen
class UniqueStepIds(RulesetFunction):
    """Looks at a workflow."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        seen: set[str] = set()
        for index, step in enumerate(items_of(target, "steps")):
            identity = step.get("stepId") if isinstance(step, dict) else None
            place = (*context.path, "steps", index)
            if identity is None:
                text = f'Step at index {index} is missing a "stepId". Each step should have a unique "stepId".'
                yield Violation(text, place)
            elif str(identity) in seen:
                yield Violation('"stepId" must be unique within the workflow.', (*place, "stepId"))
            seen.add(str(identity))
