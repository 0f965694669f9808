"""Where workflows and steps stand in Arazzo documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from apim_sdk.governance import JSONPath

__all__ = ["Step", "items_of", "member", "steps_of", "workflows_of"]


@attrs.frozen
class Step:
    """A step of a workflow; ``number`` is that of the workflow."""

    number: int
    workflow: dict[str, Any]
    step: dict[str, Any]
    path: JSONPath


def items_of(value: Any, name: str) -> list[Any]:
    """A list that is a member of something; empty if there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def member(value: Any, *names: str) -> Any:
    """A member of a member ... of something, None if it is not there."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def workflows_of(document: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The workflows, with their numbers."""
    for number, workflow in enumerate(items_of(document, "workflows")):
        if isinstance(workflow, dict):
            yield number, workflow


def steps_of(document: Any) -> Iterator[Step]:
    """The steps of all workflows."""
    for number, workflow in workflows_of(document):
        for index, step in enumerate(items_of(workflow, "steps")):
            if isinstance(step, dict):
                yield Step(number, workflow, step, ("workflows", number, "steps", index))
