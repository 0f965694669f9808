"""Reads APIs of our configuration as they are written, whatever is missing or wrong in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from apim_sdk.governance import JSONPath, RuleContext

__all__ = ["READING", "authenticators", "listed", "method_of", "operations", "owner", "plans", "steps"]

READING: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
_COMBINED: Final = ("any", "all", "optional")


def listed(holder: Any, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings in a list of a mapping, with their indices."""
    value = holder.get(name) if isinstance(holder, Mapping) else None
    for index, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, dict):
            yield index, each


def plans(api: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The plans of an API."""
    return listed(api, "plans")


def operations(api: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The operations that are written out."""
    return listed(api, "operations")


def method_of(operation: Mapping[str, Any]) -> str:
    """The method of an operation, in upper case; ``*`` is any."""
    return str(operation.get("match", "")).partition(" ")[0].upper()


def authenticators(plan: Mapping[str, Any]) -> Iterator[str]:
    """The names of all authenticators of a plan, also of those that are combined."""
    waiting: list[Any] = [plan.get("authentication")]
    while waiting:
        reference = waiting.pop()
        if not isinstance(reference, dict):
            continue
        for name, settings in reference.items():
            if name in _COMBINED:
                waiting.extend(settings if isinstance(settings, list) else [settings])
            else:
                yield name


def steps(holder: Any, *flows: str) -> Iterator[str]:
    """The names of the policies in flows of an API, a plan or an operation, those that are switched off left out."""
    held = holder.get("flows") if isinstance(holder, Mapping) else None
    for flow in flows:
        for _, step in listed(held, flow):
            if step.get("enabled") is not False:
                yield from step


def owner(context: RuleContext) -> tuple[Any, JSONPath]:
    """The API that a plan or an operation (where the context is) belongs to, and its path."""
    path = context.path[:-2]
    api = context.resolved if context.follows_references else context.document
    for part in path:
        api = api[part]
    return api, path
