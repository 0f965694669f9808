"""What workflows and their steps name together: actions and parameters, some of them only by reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.workflows import member

__all__ = ["DUPLICATE", "INVALID", "MISSING", "Entry", "combined"]

DUPLICATE: Final = "duplicate"
"""It is there twice in one list."""
INVALID: Final = "invalid"
"""Its reference is no runtime expression for such a thing."""
MISSING: Final = "missing"
"""Its reference leads nowhere."""


@attrs.frozen
class Entry:
    """One action or parameter. ``identity`` is what tells it from others, ``faults`` what is wrong with it."""

    value: dict[str, Any]
    name: str
    identity: tuple[str, ...]
    faults: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[Any, ...]:
        """What an entry of a step has in common with the one of its workflow that it stands for."""
        return (*self.identity, self.faults)


def combined(
    of_workflow: Sequence[Any],
    of_step: Sequence[Any],
    document: Any,
    component: str,
    identity: Callable[[dict[str, Any]], tuple[str, ...] | None],
) -> list[Entry]:
    """Those of a workflow, in which those of a step take the places of their like, and then the rest of the step.

    ``component`` says where among the components references lead; ``identity`` is None for what is no such thing.
    """
    entries = list(_entries(of_workflow, document, component, identity))
    for entry in list(_entries(of_step, document, component, identity)):
        same = next((index for index, each in enumerate(entries) if each.key == entry.key), None)
        if same is None:
            entries.append(entry)
        else:
            entries[same] = entry
    return entries


def _entries(
    written: Sequence[Any],
    document: Any,
    component: str,
    identity: Callable[[dict[str, Any]], tuple[str, ...] | None],
) -> Iterator[Entry]:
    seen: set[tuple[Any, ...]] = set()
    for value in written:
        entry = _entry(value, document, component, identity)
        if entry is None:
            continue
        if entry.key in seen:
            entry = attrs.evolve(entry, faults=entry.faults | {DUPLICATE})
        seen.add(entry.key)
        yield entry


def _entry(
    value: Any, document: Any, component: str, identity: Callable[[dict[str, Any]], tuple[str, ...] | None]
) -> Entry | None:
    if not isinstance(value, dict):
        return None
    if "reference" in value:
        reference = str(value["reference"])
        of_others = component == "failureActions" and not reference.startswith(f"$components.{component}.")
        if of_others or not is_runtime_expression(reference, document):
            return Entry({}, reference, (reference,), frozenset({INVALID}))
        value = member(document, "components", component, reference.removeprefix(f"$components.{component}."))
        if not value:
            return Entry({}, reference, (reference,), frozenset({MISSING}))
    itself = identity(value) if isinstance(value, dict) else None
    return None if itself is None else Entry(value, itself[0], itself)
