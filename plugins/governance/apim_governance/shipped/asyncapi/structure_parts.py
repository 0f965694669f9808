"""What the structures of AsyncAPI 2 and 3 have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

__all__ = ["COMMON", "DEFINITIONS", "by_format"]

COMMON: Final = {
    "contact": "name:text url:uri email:email",
    "license": "name!:text url:uri",
    "docs": "description:text url!:uri",
    "variable": "enum:[text]* default:text description:text examples:[text]",
    "correlation": "description:text location!:location",
}
DEFINITIONS: Final[dict[str, Any]] = {
    "location": {"type": "string", "pattern": r"^\$message\.(header|payload)#(\/(([^\/~])|(~[01]))*)*"}
}
_DRAFT7: Final = "http://json-schema.org/draft-07/schema#"


def by_format(member: str, versions: Iterable[str]) -> list[dict[str, Any]]:
    """What a ``member`` beside ``schemaFormat`` is held against: a Schema Object, unless the format is another one."""
    own = {"properties": {member: {"$ref": "#/definitions/schema"}}}
    kinds = ("asyncapi", "asyncapi+json", "asyncapi+yaml")
    known = [f"application/vnd.aai.{kind};version={version}.0" for version in versions for kind in kinds]
    draft7 = [f"application/schema+{kind};version=draft-07" for kind in ("json", "yaml")]
    return [
        {"if": {"not": {"required": ["schemaFormat"]}}, "then": own},
        {"if": _says(known), "then": own},
        {"if": _says(draft7), "then": {"properties": {member: {"$ref": _DRAFT7}}}},
    ]


def _says(formats: list[str]) -> dict[str, Any]:
    return {"required": ["schemaFormat"], "properties": {"schemaFormat": {"enum": formats}}}
