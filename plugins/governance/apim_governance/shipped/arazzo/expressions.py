"""Runtime expressions of Arazzo: whether they are some, and lead to what the document has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from apim_governance.documents.pointers import NotThere, parts_of, pointed
from apim_governance.shipped.arazzo.workflows import items_of, member

__all__ = ["is_runtime_expression"]

_NAME: Final = r"([A-Za-z0-9_\\-]+)"
_STEPS: Final = re.compile(rf"\$steps\.{_NAME}\.(.*)")
_WORKFLOWS: Final = re.compile(rf"\$workflows\.{_NAME}\.(.*)")
_INPUTS: Final = re.compile(rf"\$inputs\.{_NAME}")
_COMPONENTS: Final = re.compile(rf"\$components\.(parameters|successActions|failureActions)\.{_NAME}")
_FREE: Final = (
    "$url",
    "$method",
    "$statusCode",
    "$request.",
    "$response.",
    "$message.",
    "$outputs.",
    "$sourceDescriptions.",
    "$components.inputs.",
)
"""What is not looked into: where these lead is known only when a workflow runs, or in another document."""


def is_runtime_expression(expression: Any, document: Any, number: int | None = None) -> bool:
    """Whether it is one. ``number`` is that of the workflow that it stands in, where that matters."""
    if not isinstance(expression, str):
        return False
    for prefix, leads in _LEADS.items():
        if expression.startswith(prefix):
            return leads(expression, document, number)
    return expression.startswith(_FREE)


def _to_step(expression: str, document: Any, number: int | None) -> bool:
    found = _STEPS.fullmatch(expression)
    workflows = items_of(document, "workflows")
    if number is not None and number < len(workflows):
        workflows = [workflows[number]]
    return found is not None and any(
        member(step, "stepId") == found[1] for workflow in workflows for step in items_of(workflow, "steps")
    )


def _to_workflow(expression: str, document: Any, number: int | None) -> bool:
    found = _WORKFLOWS.fullmatch(expression)
    if found is None:
        return False
    for index, workflow in enumerate(items_of(document, "workflows")):
        if member(workflow, "workflowId") == found[1]:
            return not found[2].startswith("steps.") or _to_step(f"${found[2]}", document, index)
    return False


def _to_input(expression: str, document: Any, number: int | None) -> bool:
    found = _INPUTS.fullmatch(expression)
    workflows = items_of(document, "workflows")
    if found is None or number is None or number >= len(workflows):
        return False
    inputs = member(workflows[number], "inputs")
    reference = member(inputs, "$ref")
    if member(inputs, "properties") is None and isinstance(reference, str):
        inputs = document
        try:
            for part in parts_of(reference.removeprefix("#")):
                inputs = pointed(inputs, part)
        except (NotThere, ValueError):
            return False
    properties = member(inputs, "properties")
    return isinstance(properties, dict) and found[1] in properties


def _to_component(expression: str, document: Any, number: int | None) -> bool:
    found = _COMPONENTS.fullmatch(expression)
    if found is None:
        return False
    components = member(document, "components", found[1])
    return isinstance(components, dict) and found[2] in components


_LEADS: Final[dict[str, Callable[[str, Any, int | None], bool]]] = {
    "$steps.": _to_step,
    "$workflows.": _to_workflow,
    "$inputs.": _to_input,
    "$components.parameters.": _to_component,
    "$components.successActions.": _to_component,
    "$components.failureActions.": _to_component,
}
