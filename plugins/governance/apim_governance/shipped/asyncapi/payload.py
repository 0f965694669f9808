"""``asyncApiPayloadValidation``: payloads are schemas as AsyncAPI 2 means them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.schema import violations
from apim_governance.json_schema.validator import Validator

__all__ = ["Payload"]

_ITSELF: Final[dict[str, Any]] = {"$ref": "#/definitions/schema"}
_SOME: Final[dict[str, Any]] = {"type": "array", "minItems": 1, "items": _ITSELF}
_NAMED: Final[dict[str, Any]] = {"type": "object", "additionalProperties": _ITSELF}
_LINK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {"description": {"type": "string"}, "url": {"type": "string", "format": "uri"}},
    "patternProperties": {r"^x-[\w\d\.\x2d_]+$": True},
}
_SCHEMA_OBJECT: Final[dict[str, Any]] = {
    "$ref": "#/definitions/schema",
    "definitions": {
        "schema": {
            "allOf": [
                {"$ref": "http://json-schema.org/draft-07/schema#"},
                {
                    "properties": {
                        "additionalProperties": {"anyOf": [_ITSELF, {"type": "boolean"}]},
                        "items": {"anyOf": [_ITSELF, _SOME]},
                        "contains": _ITSELF,
                        "not": _ITSELF,
                        "propertyNames": _ITSELF,
                        **dict.fromkeys(("allOf", "anyOf", "oneOf"), _SOME),
                        **dict.fromkeys(("properties", "patternProperties"), _NAMED),
                        "discriminator": {"type": "string"},
                        "deprecated": {"type": "boolean"},
                        "externalDocs": _LINK,
                    }
                },
            ]
        }
    },
}
"""Schema Objects of AsyncAPI 2: schemas of draft 7 in which some members mean more."""


@attrs.frozen
class Payload(RulesetFunction):
    """Looks at the payload of a message."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if "aas2" not in context.formats:
            return ()
        return violations(lambda: _validator().errors(target, all_errors=True), target, context, context.path)


@cache
def _validator() -> Validator:
    return Validator(_SCHEMA_OBJECT, "draft7")
