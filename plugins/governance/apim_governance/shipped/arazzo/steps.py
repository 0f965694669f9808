"""``arazzoStepValidation`` and ``arazzoStepRequestBodyValidation``: what steps call, and what they send."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.shipped.arazzo.expressions import is_runtime_expression
from apim_governance.shipped.arazzo.workflows import items_of, steps_of

__all__ = ["RequestBodies", "StepTargets"]

_OPERATION_PATH: Final = re.compile(r"\{\$sourceDescriptions\.[a-zA-Z0-9_-]+\.url\}#.+")
_MEDIA_TYPE: Final = re.compile(
    r"(application|audio|font|example|image|message|model|multipart|text|video)/[a-zA-Z0-9!#$&^_.+-]{1,127}"
)
_FORM: Final = '"{$sourceDescriptions.<name>.url}#<json-pointer>"'


@attrs.frozen
class StepTargets(RulesetFunction):
    """Looks at a whole document: operations and workflows that steps call are in sources that are described."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        sources = items_of(target, "sourceDescriptions")
        if not sources:
            yield Violation("sourceDescriptions is missing in the Arazzo Specification.", ("sourceDescriptions",))
            return
        names = [source.get("name") for source in sources if isinstance(source, dict)]
        for step in steps_of(target):
            for member in ("operationId", "operationPath", "workflowId"):
                value = step.step.get(member)
                if not isinstance(value, str):
                    continue
                place = (*step.path, member)
                if member == "operationPath" and _OPERATION_PATH.fullmatch(value) is None:
                    text = f'OperationPath "{value}" must be a valid runtime expression following the format {_FORM}.'
                    yield Violation(text, place)
                elif member == "operationPath" or value.startswith("$"):
                    yield from self._led(value, member, step.step, place, names, target)

    def _led(
        self, value: str, member: str, step: dict[str, Any], place: JSONPath, names: list[Any], document: Any
    ) -> Iterator[Violation]:
        if member != "operationPath" and not is_runtime_expression(value, document):
            yield Violation(f'Runtime expression "{value}" is invalid in step "{step.get("stepId")}".', place)
        source = [*value.split("."), "undefined"][1]
        if source not in names:
            text = f'Source description "{source}" not found for {member} "{value}" in step "{step.get("stepId")}".'
            yield Violation(text, place)


@attrs.frozen
class RequestBodies(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for step in steps_of(target):
            body, place = step.step.get("requestBody"), (*step.path, "requestBody")
            if not isinstance(body, dict):
                continue
            media_type = body.get("contentType")
            if media_type is not None and _MEDIA_TYPE.fullmatch(str(media_type)) is None:
                yield Violation(f"Invalid MIME type in contentType: {media_type}", (*place, "contentType"))
            payload = body.get("payload")
            if _is_wrong(payload, target, step.number):
                yield Violation(f"Invalid runtime expression in payload: {payload}", (*place, "payload"))
            for index, replacement in enumerate(items_of(body, "replacements")):
                if not isinstance(replacement, dict):
                    continue
                where, value = (*place, "replacements", index), replacement.get("value")
                if not replacement.get("target"):
                    yield Violation('"target" is required in Payload Replacement.', (*where, "target"))
                if _is_wrong(value, target, step.number):
                    yield Violation(f"Invalid runtime expression in replacement value: {value}", (*where, "value"))


def _is_wrong(value: Any, document: Any, number: int) -> bool:
    if not isinstance(value, str) or not value.startswith("$"):
        return False
    return not is_runtime_expression(value, document, number)
