"""Criteria of Arazzo, and ``arazzoStepSuccessCriteriaValidation`` for those by which steps succeed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.ecmascript import InvalidExpression, compile_expression
from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.workflows import items_of, steps_of

__all__ = ["SuccessCriteria", "wrong_with_criteria"]


@attrs.frozen
class SuccessCriteria(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for step in steps_of(target):
            yield from wrong_with_criteria(step.step, "successCriteria", step.path, target)


def wrong_with_criteria(holder: Any, name: str, path: JSONPath, document: Any) -> Iterator[Violation]:
    """What is wrong with a list of criteria that is a member of something at a path."""
    for index, criterion in enumerate(items_of(holder, name)):
        if isinstance(criterion, dict):
            yield from _wrong(criterion, (*path, name, index), document)


def _wrong(criterion: dict[str, Any], path: JSONPath, document: Any) -> Iterator[Violation]:
    condition, kind, where = criterion.get("condition"), criterion.get("type"), criterion.get("context")
    if not isinstance(condition, str) or not condition.strip():
        yield Violation('Missing or invalid "condition" in Criterion Object.', (*path, "condition"))
    if kind is not None and where is None:
        name = kind.get("type") if isinstance(kind, dict) else kind
        text = f'A "context" must be specified for a Criterion Object with type "{name}".'
        yield Violation(text, (*path, "context"))
    if isinstance(kind, dict) and not (kind.get("type") and kind.get("version")):
        text = '"type" and "version" must be specified in the Criterion Expression Type Object.'
        yield Violation(text, (*path, "type"))
    if kind == "regex" and isinstance(condition, str) and not _is_expression(condition):
        yield Violation('"condition" contains an invalid regex pattern.', (*path, "condition"))
    if where is not None and not is_runtime_expression(where, document):
        yield Violation('"context" contains an invalid runtime expression.', (*path, "context"))


def _is_expression(text: str) -> bool:
    try:
        compile_expression(text)
    except InvalidExpression:
        return False
    return True
