"""Structures of documents, written as tables of members, and made into JSON Schema.

A structure names its objects, and their members in a line each: ``name!:type``, where ``!`` says that it must be there.

    text uri email flag         values
    object any                  a mapping, or anything; neither is looked into
    a|b|c  =a                   one of these texts; this text
    channel                     that object
    @channel                    that object, or a reference to one
    {x}  <x>                    a mapping of such; one in which members with plain names are such
    [x]  [x]+  [x]*             a list of such; one that is not empty; one in which no two are the same

Members that begin with ``x-`` are allowed everywhere; any other one that is not named is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["object_of", "schema_of"]

_EXTENSIONS: Final = {r"^x-[\w\d\.\x2d_]+$": True}
_VALUES: Final[Mapping[str, Any]] = {
    "text": {"type": "string"},
    "uri": {"type": "string", "format": "uri"},
    "email": {"type": "string", "format": "email"},
    "flag": {"type": "boolean"},
    "object": {"type": "object"},
    "any": {},
}
_REFERENCE: Final = {
    "type": "object",
    "required": ["$ref"],
    "properties": {"$ref": {"type": "string", "format": "uri-reference"}},
}


def schema_of(structure: Mapping[str, str], root: str, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a structure; ``definitions`` are those of its objects that are no tables."""
    objects = {name: object_of(members) for name, members in structure.items()}
    return {"$ref": f"#/definitions/{root}", "definitions": {"reference": _REFERENCE, **objects, **definitions}}


def object_of(members: str) -> dict[str, Any]:
    """The JSON Schema of one object."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for written in members.split():
        name, _, kind = written.partition(":")
        if name.endswith("!"):
            name = name[:-1]
            required.append(name)
        properties[name] = _type(kind)
    made: dict[str, Any] = {"type": "object"}
    if required:
        made["required"] = required
    return {**made, "additionalProperties": False, "patternProperties": _EXTENSIONS, "properties": properties}


def _type(kind: str) -> dict[str, Any]:
    if kind in _VALUES:
        return dict(_VALUES[kind])
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": _type(kind[1:-1])}
    if kind.startswith("<"):
        return {"type": "object", "patternProperties": {r"^[\w\d\.\-_]+$": _type(kind[1:-1])}}
    if kind.endswith("]+"):
        return {**_type(kind[:-1]), "minItems": 1}
    if kind.endswith("]*"):
        return {**_type(kind[:-1]), "uniqueItems": True}
    if kind.startswith("["):
        return {"type": "array", "items": _type(kind[1:-1])}
    if kind.startswith("@"):
        return {"oneOf": [_type("reference"), _type(kind[1:])]}
    if "|" in kind or kind.startswith("="):
        return {"type": "string", "enum": kind.removeprefix("=").split("|")}
    return {"$ref": f"#/definitions/{kind}"}
