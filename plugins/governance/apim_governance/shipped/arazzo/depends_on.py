"""``arazzoWorkflowDependsOnValidation``: workflows depend on workflows that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.workflows import items_of, workflows_of

__all__ = ["DependsOn"]


@attrs.frozen
class DependsOn(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        kinds = {
            source.get("name"): source.get("type")
            for source in items_of(target, "sourceDescriptions")
            if isinstance(source, dict) and isinstance(source.get("name"), str)
        }
        known = [workflow.get("workflowId") for _, workflow in workflows_of(target)]
        for number, workflow in workflows_of(target):
            seen: set[str] = set()
            for index, dependency in enumerate(items_of(workflow, "dependsOn")):
                if not isinstance(dependency, str):
                    continue
                place = ("workflows", number, "dependsOn", index)
                identity = workflow.get("workflowId")
                if dependency in seen:
                    text = f'Duplicate workflowId "{dependency}" in dependsOn for workflow "{identity}".'
                    yield Violation(text, place)
                    continue
                seen.add(dependency)
                if dependency.startswith("$") and not is_runtime_expression(dependency, target):
                    yield Violation(f'Runtime expression "{dependency}" is invalid.', place)
                if dependency.startswith("$sourceDescriptions."):
                    yield from (Violation(text, place) for text in _foreign(dependency, kinds))
                elif dependency not in known:
                    text = f'WorkflowId "{dependency}" not found in local Arazzo workflows "{identity}".'
                    yield Violation(text, place)


def _foreign(dependency: str, kinds: dict[Any, Any]) -> Iterator[str]:
    """What is wrong with a workflow of another document."""
    parts = dependency.split(".")
    kind = kinds.get(parts[1])
    if kind is None:
        yield f'Source description "{parts[1]}" not found for workflowId "{dependency}".'
    elif kind != "arazzo":
        yield f'Source description "{parts[1]}" must have a type of "arazzo".'
    elif len(parts) < 3:
        yield f'WorkflowId part is missing in the expression "{dependency}".'
