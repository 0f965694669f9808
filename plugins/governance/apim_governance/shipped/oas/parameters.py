"""``oasOpParams``: parameters of an operation differ in name or place, and only one is a body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.paths.javascript import UNDEFINED, text_of

__all__ = ["OperationParameters"]


@attrs.frozen
class OperationParameters(RulesetFunction):
    """Looks at the ``parameters`` of an operation."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, list) or len(target) < 2:
            return
        seen: set[tuple[str, str]] = set()
        bodies: list[int] = []
        forms = False
        for index, parameter in enumerate(target):
            if not isinstance(parameter, dict) or "$ref" in parameter:
                continue
            place = parameter.get("in", UNDEFINED)
            identity = (text_of(place), text_of(parameter.get("name", UNDEFINED)))
            if identity in seen:
                text = 'A parameter in this operation already exposes the same combination of "name" and "in" values.'
                yield Violation(text, (*context.path, index))
            seen.add(identity)
            if place == "body":
                bodies.append(index)
            forms = forms or place == "formData"
        if bodies and forms:
            yield 'Operation must not have both "in:body" and "in:formData" parameters.'
        for index in bodies[1:]:
            text = 'Operation must not have more than a single instance of the "in:body" parameter.'
            yield Violation(text, (*context.path, index))
