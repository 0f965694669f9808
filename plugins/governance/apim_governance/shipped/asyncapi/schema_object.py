"""Schema Objects of AsyncAPI: schemas of draft 7 in which some members mean more."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["SCHEMA_OBJECT", "schema_object"]

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


def schema_object(documentation: dict[str, Any]) -> dict[str, Any]:
    """The schema of a Schema Object, which refers to itself as ``#/definitions/schema``; ``documentation`` is that of
    its external documentation."""
    return {
        "allOf": [
            {"$ref": "http://json-schema.org/draft-07/schema#"},
            {
                "properties": {
                    "additionalProperties": {"anyOf": [_ITSELF, {"type": "boolean"}]},
                    "items": {"anyOf": [_ITSELF, _SOME]},
                    **dict.fromkeys(("allOf", "oneOf", "anyOf"), _SOME),
                    "not": _ITSELF,
                    **dict.fromkeys(("properties", "patternProperties"), _NAMED),
                    "propertyNames": _ITSELF,
                    "contains": _ITSELF,
                    "discriminator": {"type": "string"},
                    "externalDocs": documentation,
                    "deprecated": {"type": "boolean"},
                }
            },
        ]
    }


SCHEMA_OBJECT: Final[dict[str, Any]] = schema_object(_LINK)
"""That of version 2."""
