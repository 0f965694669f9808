"""``asyncApiPayloadValidation``: payloads are schemas as AsyncAPI 2 means them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.schema import violations
from apim_governance.json_schema.validator import Validator
from apim_governance.shipped.asyncapi.schema_object import SCHEMA_OBJECT

__all__ = ["Payload"]


@attrs.frozen
class Payload(RulesetFunction):
    """Looks at the payload of a message."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if "aas2" not in context.formats:
            return ()
        return violations(
            lambda: _validator().errors(target, all_errors=True), target, context, context.path, explained=False
        )


@cache
def _validator() -> Validator:
    return Validator({"$ref": "#/definitions/schema", "definitions": {"schema": SCHEMA_OBJECT}}, "draft7")
