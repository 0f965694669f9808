"""Schema Objects of AsyncAPI: schemas of draft 7 in which some members mean more."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["SCHEMA_OBJECT"]

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
SCHEMA_OBJECT: Final[dict[str, Any]] = {
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
"""It refers to itself as ``#/definitions/schema``."""
